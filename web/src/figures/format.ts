/** Figures as people read them; a dash where nothing was measured. */

const NONE = "–";

export interface Reading {
  readonly value: string;
  readonly unit: string;
}

export function bitrate(kbps: number): Reading {
  return Math.round(kbps) >= 1000 ? { value: (kbps / 1000).toFixed(2), unit: "Mbit/s" } : { value: kbps.toFixed(0), unit: "kbit/s" };
}

export function percent(value: number | null): Reading {
  return { value: value === null ? NONE : value.toFixed(value < 10 ? 1 : 0), unit: "%" };
}

export function milliseconds(value: number | null): Reading {
  return { value: value === null ? NONE : value < 10 ? value.toFixed(1) : value.toFixed(0), unit: "ms" };
}

export function frameRate(fps: number): Reading {
  return { value: fps.toFixed(0), unit: "fps" };
}

export function size(width: number, height: number): Reading {
  return { value: width === 0 ? NONE : `${width}×${height}`, unit: "" };
}

/** Level 0 to 1 as decibels below full scale. */
export function decibels(level: number): Reading {
  return level <= 0.00001 ? { value: NONE, unit: "dB" } : { value: (20 * Math.log10(level)).toFixed(0), unit: "dB" };
}

export function codecs(video: string | null, audio: string | null): Reading {
  return { value: [video, audio && audio[0]?.toUpperCase() + audio.slice(1)].filter(Boolean).join(" · ") || NONE, unit: "" };
}

export function count(value: number): Reading {
  return { value: value.toString(), unit: "" };
}
