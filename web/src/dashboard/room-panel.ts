/** The chosen room: its participants, page by page, and the chosen one of them in full. */

import type { RoomFigures } from "./answers";
import { Details, type DetailsParts } from "./details";
import { History, Recent } from "./history";
import { type ParticipantMoment, participantMoment, participantTotals } from "./moments";
import { Pager } from "./pager";
import { type Order, ORDERS, pageOf, type Person } from "./people";
import { PeopleTable } from "./table";
import { Window } from "./window";

export interface RoomParts {
  readonly section: HTMLElement;
  readonly title: HTMLElement;
  readonly hint: HTMLElement;
  readonly wanted: HTMLInputElement;
  readonly order: HTMLSelectElement;
  readonly body: HTMLTableSectionElement;
  readonly pages: HTMLElement;
  readonly details: DetailsParts;
}

class Past {
  readonly window = new Window();
  readonly history = new History<ParticipantMoment>();
}

export class RoomPanel {
  private readonly table: PeopleTable;
  private readonly pager: Pager;
  private readonly details: Details;
  private readonly pasts = new Recent(() => new Past());
  private everyone: readonly Person[] = [];
  private chosen: string | null = null;
  private page = 0;

  constructor(private readonly parts: RoomParts) {
    this.table = new PeopleTable(parts.body, (id) => this.choose(id));
    this.details = new Details(parts.details);
    this.pager = new Pager(parts.pages, (by) => {
      this.page += by;
      this.render();
    });
    parts.wanted.addEventListener("input", () => this.render());
    parts.order.addEventListener("change", () => this.render());
  }

  get people(): readonly Person[] {
    return this.everyone;
  }

  /** Another room, or none. */
  open(room: string | null): void {
    const { section, title, hint, wanted } = this.parts;
    this.everyone = [];
    this.chosen = null;
    this.page = 0;
    this.pasts.retain(new Set());
    wanted.value = "";
    section.hidden = room === null;
    title.textContent = room ?? "";
    this.render();
    hint.textContent = "";
    this.details.hide();
  }

  /** `at`: seconds. */
  show(figures: RoomFigures, at: number): void {
    this.everyone = figures.participants.map((participant) => {
      const past = this.pasts.touch(participant.id, participant.id === this.chosen);
      const moment = participantMoment(participant, past?.window.add(at, participantTotals(participant)) ?? null);
      past?.history.add(at, moment);
      return { figures: participant, moment };
    });
    this.pasts.retain(new Set([...figures.participants.map(({ id }) => id), ...(this.chosen === null ? [] : [this.chosen])]));
    this.render();
  }

  /** There is nothing to be seen of the room, and why. */
  refuse(why: string): void {
    this.everyone = [];
    this.render();
    this.parts.hint.textContent = why;
  }

  private choose(id: string): void {
    this.chosen = id === this.chosen ? null : id;
    if (this.chosen !== null) this.pasts.touch(this.chosen, true);
    this.render();
  }

  private render(): void {
    const { wanted, order, hint } = this.parts;
    const found = pageOf(this.everyone, wanted.value, orderOf(order.value), this.page);
    this.page = found.page;
    hint.textContent = found.total > 0 ? "" : this.everyone.length > 0 ? "Nobody by that name." : "Nobody is here.";
    this.table.show(found.people, this.chosen);
    this.pager.show(`Page ${found.page + 1} of ${found.pages}, ${found.total} participants`, found.page > 0, found.page + 1 < found.pages);
    this.renderDetails();
  }

  private renderDetails(): void {
    if (this.chosen === null) return this.details.hide();
    const person = this.everyone.find(({ figures }) => figures.id === this.chosen);
    const past = this.pasts.peek(this.chosen);
    if (person === undefined || past === null) return this.details.leave();
    this.details.show(person, past.history);
  }
}

function orderOf(value: string): Order {
  return ORDERS.find((order) => order === value) ?? "joined";
}
