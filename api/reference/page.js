// Draws /openapi.json. Text from it only ever becomes text nodes, never markup.

/** An element with properties and children; strings become text. */
function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Descriptions are Markdown of paragraphs and `code`, nothing else. */
function prose(text, className = "") {
  return text.split(/\n{2,}/).map((paragraph) =>
    element("p", { className }, ...paragraph.split("`").map((part, index) => index % 2 ? element("code", {}, part) : part)));
}

const spec = await (await fetch("/openapi.json")).json();
const METHODS = ["get", "post", "put", "patch", "delete"];

const resolve = (schema) =>
  schema?.$ref ? schema.$ref.slice(2).split("/").reduce((node, key) => node[key], spec) : schema;

function typeName(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" | ");
  if (schema.type === "array") return `${typeName(schema.items)}[]`;
  return schema.format ? `${schema.type} (${schema.format})` : (schema.type ?? "any");
}

function fields(schema) {
  const { properties = {}, required = [] } = resolve(schema) ?? {};
  const rows = Object.entries(properties).map(([name, field]) =>
    element("tr", {},
      element("td", {}, element("code", {}, name)),
      element("td", {}, typeName(field), required.includes(name) ? " · required" : ""),
      element("td", {}, [field.description, "default" in field ? `Default ${JSON.stringify(field.default)}.` : ""].filter(Boolean).join(" "))));
  return rows.length ? element("table", {}, ...rows) : null;
}

function example(body) {
  const [type, media] = Object.entries(body?.content ?? {})[0] ?? [];
  if (!type) return null;
  const found = resolve(media.schema)?.examples?.[0];
  return { type, text: found === undefined ? "" : JSON.stringify(found, null, 2) };
}

function parameters(operation) {
  const rows = (operation.parameters ?? []).map((parameter) =>
    element("tr", {},
      element("td", {}, element("code", {}, parameter.name)),
      element("td", {}, `${parameter.in}, ${typeName(parameter.schema)}${parameter.required ? " · required" : ""}`),
      element("td", {}, parameter.description ?? "")));
  return rows.length ? [element("h3", {}, "Parameters"), element("table", {}, ...rows)] : [];
}

function responses(operation) {
  return [element("h3", {}, "Answers"), ...Object.entries(operation.responses).map(([status, response]) => {
    const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
    const table = media?.schema && status !== "default" ? fields(media.schema) : null;
    return element("div", {}, element("code", {}, status), ` ${response.description}${type ? ` (${type})` : ""}`, table);
  })];
}

async function send(path, method, operation, form, output) {
  const data = new FormData(form);
  const query = new URLSearchParams();
  const headers = new Headers();
  let url = path;
  for (const parameter of operation.parameters ?? []) {
    const value = data.get(parameter.name);
    if (!value) continue;
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
    if (parameter.in === "query") query.set(parameter.name, value);
    if (parameter.in === "header") headers.set(parameter.name, value);
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const body = data.get("body") || undefined;
  if (body) headers.set("Content-Type", example(operation.requestBody).type);
  output.textContent = "…";
  try {
    const response = await fetch(query.size ? `${url}?${query}` : url, { method, headers, body });
    const text = await response.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    output.textContent = `${response.status} ${response.statusText}\n${shown}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function trial(path, method, operation) {
  const output = element("pre", { hidden: true });
  const inputs = (operation.parameters ?? []).map((parameter) =>
    element("label", {}, parameter.name, element("input", {
      name: parameter.name, required: Boolean(parameter.required), value: parameter.example ?? parameter.schema?.examples?.[0] ?? "",
    })));
  const sample = example(operation.requestBody);
  const body = sample && element("label", {}, sample.type, element("textarea", { name: "body", value: sample.text, spellcheck: false }));
  const form = element("form", { className: "try" }, ...inputs, body, element("button", {}, "Send"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    output.hidden = false;
    void send(path, method.toUpperCase(), operation, form, output);
  });
  return [element("h3", {}, "Try it"), form, output];
}

function draw(path, method, operation) {
  const sample = example(operation.requestBody);
  const schema = operation.requestBody?.content?.[sample?.type]?.schema;
  return element("details", { className: "operation", id: operation.operationId },
    element("summary", {},
      element("span", { className: `method ${method.toUpperCase()}` }, method.toUpperCase()),
      element("code", {}, path),
      element("span", { className: "summary" }, operation.summary ?? "")),
    element("div", {},
      ...(operation.description ? prose(operation.description) : []),
      ...parameters(operation),
      ...(schema ? [element("h3", {}, `Body (${sample.type})`), fields(schema)] : []),
      ...responses(operation),
      ...trial(path, method, operation)));
}

function open(id) {
  const target = document.getElementById(id);
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

const byTag = new Map();
for (const [path, item] of Object.entries(spec.paths)) {
  for (const method of METHODS.filter((name) => name in item)) {
    const tag = item[method].tags?.[0] ?? "Other";
    byTag.set(tag, [...(byTag.get(tag) ?? []), [path, method, item[method]]]);
  }
}

document.getElementById("version").textContent = spec.info.version;
document.getElementById("operations").replaceChildren(
  ...prose(spec.info.description ?? "", "intro"),
  ...[...byTag].flatMap(([tag, operations]) => [element("h2", {}, tag), ...operations.map((entry) => draw(...entry))]));
document.getElementById("contents").replaceChildren(
  ...[...byTag].flatMap(([tag, operations]) => [
    element("h2", {}, tag),
    element("ol", {}, ...operations.map(([, , operation]) =>
      element("li", {}, element("a", { href: `#${operation.operationId}` }, operation.summary ?? operation.operationId)))),
  ]));
addEventListener("hashchange", () => open(location.hash.slice(1)));
open(location.hash.slice(1));
