/** The server's load: figures now, and the last ten minutes. */

import { Tiles } from "../figures/tiles";
import type { ServerFigures } from "./answers";
import { Chart } from "./chart";
import { History } from "./history";
import { type ServerMoment, serverMoment, serverTotals } from "./moments";
import { SERVER_CHARTS, SERVER_TILES } from "./plans";
import { Window } from "./window";
import { drops } from "./words";

export class ServerPanel {
  private readonly tiles: Tiles<ServerMoment>;
  private readonly charts: readonly Chart<ServerMoment>[];
  private readonly history = new History<ServerMoment>();
  private readonly window = new Window();

  constructor(
    private readonly section: HTMLElement,
    tiles: HTMLElement,
    charts: HTMLElement,
    private readonly drops: HTMLElement,
  ) {
    this.tiles = new Tiles(tiles, SERVER_TILES);
    this.charts = SERVER_CHARTS.map((plan) => new Chart(charts, plan));
  }

  get latest(): ServerMoment | null {
    return this.history.latest;
  }

  /** `at`: seconds. */
  show(figures: ServerFigures, at: number): void {
    this.section.hidden = false;
    const moment = serverMoment(figures, this.window.add(figures.uptime_seconds, serverTotals(figures)));
    this.history.add(at, moment);
    this.tiles.show(moment);
    this.drops.textContent = drops(figures.dropped);
    for (const chart of this.charts) chart.show(this.history);
  }

  /** The token does not show the server. */
  hide(): void {
    this.section.hidden = true;
  }
}
