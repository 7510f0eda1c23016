/** How loud a microphone is, from the track itself: also before anything is sent. */

/** The quietest level worth showing. */
const FLOOR_DB = -60;

export class Loudness {
  private context: AudioContext | null = null;
  private analyser: AnalyserNode | null = null;
  private source: MediaStreamAudioSourceNode | null = null;

  listen(track: MediaStreamTrack | null): void {
    this.source?.disconnect();
    this.source = null;
    if (track === null) return;
    this.context ??= new AudioContext();
    this.analyser ??= new AnalyserNode(this.context, { fftSize: 1024 });
    this.source = this.context.createMediaStreamSource(new MediaStream([track]));
    this.source.connect(this.analyser);
  }

  /** 0 to 1, on a scale of decibels. Browsers keep the context suspended until the page is touched: 0 until then. */
  read(): number {
    if (this.analyser === null || this.source === null) return 0;
    if (this.context?.state === "suspended") void this.context.resume();
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return scaled(samples);
  }
}

/** Root mean square of samples in [-1, 1], mapped from -60..0 dB to 0..1. */
export function scaled(samples: Float32Array): number {
  const power = samples.reduce((total, sample) => total + sample * sample, 0) / samples.length;
  const db = 10 * Math.log10(power + 1e-12);
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}
