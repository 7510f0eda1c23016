/** Buttons that copy. */

const SAID_MS = 1500;

/** Makes each `<button data-copy="id">` copy the text of that element. */
export function wireCopyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    const source = document.getElementById(button.dataset["copy"] ?? "");
    if (source !== null) button.addEventListener("click", () => void copy(source, button));
  }
}

/** Copies the text of `source`, and says so on the button for a moment. */
export async function copy(source: HTMLElement, button: HTMLButtonElement): Promise<void> {
  const label = button.querySelector<HTMLElement>(".label") ?? button;
  const usual = (button.dataset["usual"] ??= label.textContent ?? "");
  const text = source instanceof HTMLInputElement ? source.value : (source.textContent ?? "");
  label.textContent = (await written(text)) ? "Copied" : selected(source);
  setTimeout(() => {
    label.textContent = usual;
  }, SAID_MS);
}

/** The clipboard needs a secure context and permission. */
async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Without the clipboard, the text is selected, ready for the keyboard. */
function selected(source: HTMLElement): string {
  if (source instanceof HTMLInputElement) source.select();
  else getSelection()?.selectAllChildren(source);
  return "Press Ctrl+C";
}
