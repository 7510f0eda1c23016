/** Video codecs a publisher may choose from. */

export const CODEC_CHOICES = ["default", "VP8", "H264", "VP9", "AV1"] as const;
export type CodecChoice = (typeof CODEC_CHOICES)[number];

export function isCodecChoice(text: string): text is CodecChoice {
  return (CODEC_CHOICES as readonly string[]).includes(text);
}

/** The codecs, with those of `choice` first; the rest stay as fallbacks (and RTX, RED and FEC with them). */
export function ordered<T extends { readonly mimeType: string }>(codecs: readonly T[], choice: CodecChoice): T[] {
  const wanted = `video/${choice}`.toLowerCase();
  const matches = (codec: T): boolean => codec.mimeType.toLowerCase() === wanted;
  return [...codecs.filter(matches), ...codecs.filter((codec) => !matches(codec))];
}

/** Choices this browser can send. */
export function sendableCodecs(): CodecChoice[] {
  const known = new Set(RTCRtpSender.getCapabilities("video")?.codecs.map(({ mimeType }) => mimeType.toLowerCase()));
  return CODEC_CHOICES.filter((choice) => choice === "default" || known.has(`video/${choice}`.toLowerCase()));
}

export function preferCodec(transceiver: RTCRtpTransceiver, choice: CodecChoice): void {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs;
  if (choice === "default" || codecs === undefined) return;
  transceiver.setCodecPreferences(ordered(codecs, choice));
}
