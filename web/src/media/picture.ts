/** The video element of a viewer: plays at once, and never shows less than the last picture it had. */

export class Picture {
  private awaitingFirstFrame = false;

  /** `onSilenced` is called when the browser plays only without sound until the page is touched. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly still: HTMLCanvasElement,
    private readonly onSilenced: () => void,
  ) {}

  /** True once there was anything to see. */
  get seen(): boolean {
    return this.video.videoWidth > 0 || !this.still.hidden;
  }

  /** Plays `stream`; what is held stays on show until its first frame. */
  async play(stream: MediaStream): Promise<void> {
    this.video.srcObject = stream;
    this.awaitingFirstFrame = true;
    this.video.requestVideoFrameCallback(() => {
      if (this.video.srcObject !== stream) return;
      this.awaitingFirstFrame = false;
      this.still.hidden = true;
    });
    if ((await this.attempt()) !== "NotAllowedError" || this.video.muted) return;
    this.video.muted = true;
    this.onSilenced();
    await this.attempt();
  }

  /** Keeps the current picture on show: browsers turn the element black when a connection is closed. */
  hold(): void {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0 || this.awaitingFirstFrame || !this.still.hidden) return;
    this.still.width = videoWidth;
    this.still.height = videoHeight;
    this.still.getContext("2d")?.drawImage(this.video, 0, 0);
    this.still.hidden = false;
  }

  /** Shows the stream again after `hold`, when it goes on after all. */
  release(): void {
    if (!this.awaitingFirstFrame) this.still.hidden = true;
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
