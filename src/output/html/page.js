// Hovering a chart shows the values at the nearest place of its axis. Everything is text, never markup.
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const source = figure.querySelector("script");
  if (!source) continue;
  const data = JSON.parse(source.textContent);
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const tip = figure.appendChild(document.createElement("div"));
  tip.className = "tip";
  const hide = () => {
    tip.style.display = "none";
    cursor.style.visibility = "hidden";
  };
  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let near = 0;
    data.at.forEach((at, place) => {
      if (Math.abs(at - x) < Math.abs(data.at[near] - x)) near = place;
    });
    tip.replaceChildren();
    const head = tip.appendChild(document.createElement("b"));
    head.textContent = data.head[near];
    for (const series of data.series) {
      if (series.text[near] === null) continue;
      const row = tip.appendChild(document.createElement("div"));
      const dot = row.appendChild(document.createElement("i"));
      dot.className = series.colour;
      row.append(series.name + "  " + series.text[near]);
    }
    cursor.setAttribute("x1", data.at[near]);
    cursor.setAttribute("x2", data.at[near]);
    cursor.style.visibility = "visible";
    tip.style.display = "block";
    const outer = figure.getBoundingClientRect();
    const at = box.left - outer.left + (data.at[near] / svg.viewBox.baseVal.width) * box.width;
    const room = outer.width - tip.offsetWidth - 6;
    const beside = at + 12 > room ? at - tip.offsetWidth - 12 : at + 12;
    tip.style.left = Math.max(6, Math.min(beside, room)) + "px";
    tip.style.top = svg.getBoundingClientRect().top - outer.top + 14 + "px";
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", hide);
}
