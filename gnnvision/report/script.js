/* Everything on the page can be read without this: it sorts and filters tables, enlarges figures. */
"use strict";
(() => {
  const make = (name, attributes = {}, text = "") => {
    const element = Object.assign(document.createElement(name), { textContent: text });
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  /* Tables. "81.5 ± 0.9 %", "1,234", "-3e-5" and "1.8 M" are numbers; dates and sizes are text. */
  const UNITS = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
  const NUMBER = /^[<>≤≥≈~]?\s*([-+−]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?!\s*[-−–×:/.\d])\s*([a-z]*)/i;
  const MISSING = /^(|undefined|n\/a|none|–|-)$/i;

  function number(text) {
    const found = NUMBER.exec(text);
    if (!found) return NaN;
    return Number(found[1].replace(/,/g, "").replace("−", "-")) * (UNITS[found[2]] ?? 1);
  }

  function compare(a, b) {
    const [x, y] = [number(a), number(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, undefined, { numeric: true });
  }

  function sorted(rows, column, sign) {
    const text = (row) => (row.cells[column]?.textContent ?? "").trim();
    const keyed = rows.map((row) => [text(row), row]);
    keyed.sort(([a], [b]) => {
      const missing = MISSING.test(a) - MISSING.test(b);
      return missing || sign * compare(a, b);
    });
    return keyed.map(([, row]) => row);
  }

  function makeSortable(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", title: "Sort by this column" });
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].filter((row) => !row.classList.contains("total"));
        body.prepend(...sorted(rows, column, up ? 1 : -1));
      });
    });
  }

  function makeFilter(table) {
    const rows = [...table.tBodies[0].rows].filter((row) => !row.classList.contains("total"));
    if (rows.length <= 12) return;
    const label = make("label", { class: "filter" }, "Filter ");
    const input = make("input", { type: "search", placeholder: "Part of a row" });
    const count = make("span", { role: "status" });
    label.append(input, count);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
    table.parentElement.before(label);
  }

  for (const table of document.querySelectorAll(".scroll > table")) {
    if (table.tBodies[0].rows.length > 2) makeSortable(table);
    makeFilter(table);
  }

  /* A figure in the whole window: wheel, pinch, buttons and + - 0 zoom, dragging and arrows move. */
  function enlarge(figure, graphic) {
    const dialog = make("dialog", { class: "viewer", "aria-label": "Enlarged figure" });
    if (graphic.tagName === "IMG") dialog.classList.add("light");
    const stage = make("div", { class: "stage" });
    const copy = graphic.cloneNode(true);
    const [width, height] = ["width", "height"].map((side) => Number(graphic.getAttribute(side)));
    const view = { x: 0, y: 0, scale: 1 };
    const pointers = new Map();
    stage.append(copy);

    const show = () => {
      copy.style.transform = `translate(${view.x}px, ${view.y}px)`;
      copy.style.width = `${width * view.scale}px`;
      copy.style.height = `${height * view.scale}px`;
    };
    const fit = () => {
      const { clientWidth, clientHeight } = stage;
      view.scale = 0.94 * Math.min(clientWidth / width, clientHeight / height);
      view.x = (clientWidth - width * view.scale) / 2;
      view.y = (clientHeight - height * view.scale) / 2;
      show();
    };
    const zoom = (factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
      const scale = Math.min(40, Math.max(0.05, view.scale * factor));
      view.x = x - ((x - view.x) * scale) / view.scale;
      view.y = y - ((y - view.y) * scale) / view.scale;
      view.scale = scale;
      show();
    };
    const move = (x, y) => {
      view.x += x;
      view.y += y;
      show();
    };

    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
    });
    stage.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
      pointers.set(event.pointerId, event);
      if (!other) {
        move(event.clientX - before.clientX, event.clientY - before.clientY);
        return;
      }
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const middle = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      zoom(apart(event) / Math.max(1, apart(before)), ...middle);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
    }
    dialog.addEventListener("keydown", (event) => {
      const steps = {
        "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
        ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0),
        ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
      };
      if (!steps[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      steps[event.key]();
    });

    const tools = make("div", { class: "tools" });
    const buttons = [
      ["+", "Zoom in", () => zoom(1.25)], ["−", "Zoom out", () => zoom(0.8)],
      ["Fit", "Fit to the window", fit], ["✕", "Close", () => dialog.close()],
    ];
    for (const [text, label, act] of buttons) {
      const button = make("button", { type: "button", "aria-label": label, title: label }, text);
      button.addEventListener("click", act);
      tools.append(button);
    }
    dialog.append(stage, tools);
    dialog.addEventListener("close", () => {
      window.removeEventListener("resize", fit);
      dialog.remove();
    });
    window.addEventListener("resize", fit);
    figure.append(dialog);
    dialog.showModal();
    fit();
  }

  if (typeof HTMLDialogElement === "function") {
    for (const graphic of document.querySelectorAll("figure > svg, figure > img")) {
      const name = graphic.getAttribute("aria-label") || graphic.alt || "figure";
      const button = make("button", {
        type: "button", class: "enlarge", title: "Enlarge", "aria-label": `Enlarge: ${name}`,
      }, "⤢");
      graphic.after(button);
      graphic.parentElement.classList.add("can-enlarge");
      for (const one of [button, graphic]) {
        one.addEventListener("click", () => enlarge(graphic.parentElement, graphic));
      }
    }
  }

  /* The section that is being read, in the contents at the side. */
  const places = [...document.querySelectorAll(".side a")].map((link) => [
    link, document.getElementById(decodeURIComponent(link.hash.slice(1))),
  ]);
  function mark() {
    const passed = places.filter(([, section]) => section.getBoundingClientRect().top < 160);
    const current = (passed.at(-1) ?? places[0])?.[0];
    for (const [link] of places) {
      if (link === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  if (places.length) {
    document.addEventListener("scroll", mark, { passive: true });
    mark();
  }

  /* Closed tables are opened for the printer, also by browsers that do not know how in CSS. */
  const closed = () => [...document.querySelectorAll("details:not([open], .top-contents)")];
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = closed();
    opened.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => {
    opened.forEach((one) => { one.open = false; });
  });
})();
