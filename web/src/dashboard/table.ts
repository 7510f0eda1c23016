/** The participants of a room as a table; rows stay the same elements, so that focus and pointer keep their place. */

import { milliseconds, percent } from "../figures/format";
import { element } from "../ui/dom";
import type { Person } from "./people";
import { bits, joined, layers, transport } from "./words";

interface Row {
  readonly row: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  readonly cells: readonly HTMLTableCellElement[];
}

const COLUMNS = 8;

export class PeopleTable {
  private readonly rows = new Map<string, Row>();

  constructor(
    private readonly body: HTMLTableSectionElement,
    private readonly choose: (id: string) => void,
  ) {}

  show(people: readonly Person[], chosen: string | null): void {
    const ids = new Set(people.map(({ figures }) => figures.id));
    for (const [id, { row }] of this.rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    people.forEach((person, index) => this.place(person, index, person.figures.id === chosen));
  }

  private place({ figures, moment }: Person, index: number, chosen: boolean): void {
    const { row, button, cells } = this.rows.get(figures.id) ?? this.make(figures.id);
    if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] ?? null);
    row.dataset["state"] = figures.state;
    row.dataset["kind"] = figures.kind;
    row.classList.toggle("chosen", chosen);
    button.setAttribute("aria-pressed", String(chosen));
    setText(button, figures.identity);
    button.title = figures.name === "" ? figures.identity : `${figures.identity} (${figures.name})`;
    const words = [
      figures.kind,
      figures.problem === null ? figures.state : `${figures.state}: ${figures.problem}`,
      transport(figures.paths),
      joined(bits(moment.inKbps)),
      joined(bits(moment.outKbps)),
      [moment.lossInPercent, moment.lossOutPercent].map((loss) => joined(percent(loss))).join(" / "),
      joined(milliseconds(moment.rttMs)),
      layers(moment),
    ];
    cells.forEach((cell, column) => setText(cell, words[column] ?? ""));
  }

  private make(id: string): Row {
    const button = element("button", { type: "button", className: "link" });
    const cells = Array.from({ length: COLUMNS }, () => element("td"));
    const row = element("tr", {}, element("th", { scope: "row" }, button), ...cells);
    row.dataset["participant"] = id;
    button.addEventListener("click", () => this.choose(id));
    const made = { row, button, cells };
    this.rows.set(id, made);
    return made;
  }
}

function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
