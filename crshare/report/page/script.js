"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  });

  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  const sort = (table, column) => {
    const heading = table.tHead.rows[0].cells[column];
    const first = heading.classList.contains("n") ? "descending" : "ascending";
    const other = first === "descending" ? "ascending" : "descending";
    const order = heading.getAttribute("aria-sort") === first ? other : first;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => sign * compare(key(a, column), key(b, column)));
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(table, heading.cellIndex));
    }
  }

  const explorer = document.getElementById("explorer");
  if (explorer) {
    const layers = JSON.parse(document.getElementById("explored").textContent);
    const choice = document.getElementById("layer");
    const number = document.getElementById("channel");
    const slices = document.getElementById("slices");
    const cell = 8;
    const space = document.querySelector("svg").namespaceURI;
    const svg = (name, values) => {
      const made = document.createElementNS(space, name);
      for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
      return made;
    };
    const glyph = (signs, columns) => {
      const wide = Math.min(columns, 32);
      const size = { width: wide * cell + 2, height: Math.ceil(signs.length / wide) * cell + 2 };
      const drawing = svg("svg", { ...size, role: "img", "aria-label": signs });
      [...signs].forEach((sign, place) => {
        if (sign === "0") return;
        const x = 1 + (place % wide) * cell, y = 1 + Math.floor(place / wide) * cell;
        const look = { class: sign === "+" ? "plus" : "minus" };
        drawing.append(svg("rect", { x, y, width: cell, height: cell, ...look }));
      });
      return drawing;
    };
    const show = () => {
      const layer = layers[choice.value];
      const last = layer.groups.length - 1;
      number.max = last;
      const at = Math.min(Math.max(0, Math.floor(Number(number.value) || 0)), last);
      document.getElementById("last-channel").textContent = `of 0 to ${last}`;
      const [patterns, use] = layer.groups[at];
      const takers = patterns.map(() => []);
      use.forEach((taken, user) => {
        if (taken) takers[Math.abs(taken) - 1].push(taken < 0 ? `−${user}` : `${user}`);
      });
      const order = patterns.map((_, place) => place);
      order.sort((a, b) => takers[b].length - takers[a].length || a - b);
      slices.replaceChildren(...order.map((place) => {
        const item = document.createElement("li");
        const words = document.createElement("span");
        const more = takers[place].length > 60 ? ", …" : "";
        words.textContent = `${layer.users} ${takers[place].slice(0, 60).join(", ")}${more}`;
        item.append(glyph(patterns[place], layer.columns), words);
        return item;
      }));
    };
    explorer.hidden = false;
    choice.addEventListener("change", () => { number.value = 0; show(); });
    number.addEventListener("input", show);
    show();
  }

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
})();
