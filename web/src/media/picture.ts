/** The video element of a viewer: plays at once, and never shows less than the last picture it had. */

export class Picture {
  /** `onSilenced` is called when the browser plays only without sound until the page is touched. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly still: HTMLCanvasElement,
    private readonly onSilenced: () => void,
  ) {}

  /** Plays `stream`; until its first frame the last one of the stream before stays on show. */
  async play(stream: MediaStream): Promise<void> {
    this.freeze();
    this.video.srcObject = stream;
    this.video.requestVideoFrameCallback(() => {
      this.still.hidden = true;
    });
    if ((await this.attempt()) !== "NotAllowedError" || this.video.muted) return;
    this.video.muted = true;
    this.onSilenced();
    await this.attempt();
  }

  private freeze(): void {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return;
    this.still.width = videoWidth;
    this.still.height = videoHeight;
    this.still.getContext("2d")?.drawImage(this.video, 0, 0);
    this.still.hidden = false;
  }

  /** The name of the error, null when it plays. A newer stream interrupts an older play(): AbortError, no harm. */
  private async attempt(): Promise<string | null> {
    try {
      await this.video.play();
      return null;
    } catch (error) {
      return error instanceof DOMException ? error.name : "Error";
    }
  }
}
