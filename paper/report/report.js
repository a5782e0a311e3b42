// SPDX-License-Identifier: Apache-2.0

"use strict";
// Draws the charts of the first page: a choice of quantity, a switch for each
// tier, and what the cell under the pointer holds.
for (const section of document.querySelectorAll("section.chart")) {
  const chart = JSON.parse(section.querySelector("script").textContent);
  const make = (tag, parent, text) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    parent.append(e);
    return e;
  };
  const choice = make("div", section);
  choice.className = "choice";
  const tiers = make("div", section);
  tiers.className = "choice";
  const readout = make("div", section, "Point at a line.");
  readout.className = "readout";
  const canvas = make("div", section);
  canvas.className = "dygraph";

  let quantity = chart.quantities[0];
  const rows = () => chart.connections.map((n, i) => [n, ...quantity.values[i].map((v) => v || [null, null, null])]);
  const short = (v) => Number(v.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

  const series = {};
  for (const t of chart.tiers) series[t.name] = { color: t.colour, strokePattern: t.dashes.length ? t.dashes : null };
  const graph = new Dygraph(canvas, rows(), {
    labels: ["Connections", ...chart.tiers.map((t) => t.name)],
    xlabel: "Connections",
    ylabel: quantity.axis,
    customBars: true,
    logscale: true,
    connectSeparatedPoints: true,
    drawPoints: true,
    pointSize: 2.5,
    strokeWidth: 1.6,
    fillAlpha: 0.12,
    series,
    legend: "never",
    highlightSeriesOpts: { strokeWidth: 3 },
    // A pad in pixels is not meant for a logarithmic axis.
    dateWindow: [chart.connections[0] / 1.15, chart.connections.at(-1) * 1.15],
    axes: {
      x: {
        logscale: true,
        ticker: (lo, hi) => chart.connections.filter((n) => n >= lo && n <= hi).map((n) => ({ v: n, label: String(n) })),
      },
      y: { axisLabelFormatter: short, axisLabelWidth: 76 },
    },
    highlightCallback: (event, x, points, row, name) => {
      const i = chart.connections.indexOf(x);
      const t = chart.tiers.findIndex((tier) => tier.name === name);
      const v = i >= 0 && t >= 0 && quantity.values[i][t];
      if (!v) return;
      const runs = quantity.runs[i][t];
      const range = runs > 1 ? `[${short(v[0])}, ${short(v[2])}]` : "no interval";
      readout.textContent = `${name} at ${x} connection${x === 1 ? "" : "s"}: ${quantity.axis} ${short(v[1])} ${range}, ${runs} run${runs === 1 ? "" : "s"}`;
    },
  });

  const select = make("select", make("label", choice, "Quantity "));
  for (const q of chart.quantities) make("option", select, q.name);
  select.addEventListener("change", () => {
    quantity = chart.quantities[select.selectedIndex];
    graph.updateOptions({ file: rows(), ylabel: quantity.axis, valueRange: null });
  });
  const boxes = chart.tiers.map((t, i) => {
    const label = make("label", tiers);
    const box = make("input", label);
    box.type = "checkbox";
    box.checked = true;
    box.value = t.name;
    make("span", label, " " + t.name).style.color = t.colour;
    box.addEventListener("change", () => graph.setVisibility(i, box.checked));
    return box;
  });
  for (const on of [true, false]) {
    const button = make("button", choice, on ? "all" : "none");
    button.type = "button";
    button.addEventListener("click", () => {
      for (const box of boxes) box.checked = on;
      graph.setVisibility(boxes.map(() => on));
    });
  }
  section.graph = graph;
}
