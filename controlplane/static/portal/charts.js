// Draws each <figure data-chart> from the table in it, which stays for whoever reads without pictures or script.
const BYTES = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]];
const digits = (number) => number.toLocaleString("en", { maximumFractionDigits: number >= 100 ? 0 : number >= 10 ? 1 : 2 });
const UNITS = {
  bytes: (value) => {
    const [size, name] = BYTES.find(([size]) => value >= size) ?? BYTES.at(-1);
    return `${digits(value / size)} ${name}`;
  },
  hours: (value) => `${digits(value)} h`,
  rate: (value) => `${digits(value)}/s`,
  count: digits,
};
const said = (value, unit) => (value == null ? "not known" : UNITS[unit](value));

/* Oldest first: moments in seconds, then the values of each line. */
function readTable(figure) {
  const rows = [...figure.querySelectorAll("tbody tr")].reverse();
  const moments = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
  const lines = [...rows[0].querySelectorAll("td")].map((_, n) =>
    rows.map((row) => {
      const data = row.querySelectorAll("td")[n].querySelector("data");
      return data ? Number(data.value) : null;
    }));
  return [moments, ...lines];
}

/* Parts of a whole lie on each other: the first line is drawn over the sum of it and the second, and so on. */
function stacked([moments, ...lines]) {
  const sums = lines.map((_, n) => moments.map((_, at) => {
    const parts = lines.slice(0, n + 1).map((line) => line[at]);
    return parts.every((part) => part === null) ? null : parts.reduce((sum, part) => sum + (part ?? 0), 0);
  }));
  return [moments, ...sums];
}

const colour = (element) => getComputedStyle(element).color;

function lineOf(key, n, isStacked) {
  const stroke = colour(key);
  const plain = { stroke, width: 1.5, points: { show: false }, spanGaps: false };
  if (isStacked) return { ...plain, width: 0, fill: stroke, paths: uPlot.paths.bars({ size: [0.7, 40] }) };
  return n === 0 ? plain : { ...plain, dash: [4, 4] };
}

/* UTC, as in the table: midnight is said as its day. */
function dateOrTime(seconds) {
  const [, day, month, , time] = new Date(seconds * 1000).toUTCString().split(" ");
  return time.startsWith("00:00") ? `${Number(day)} ${month}` : time.slice(0, 5);
}

function axes(figure, unit) {
  const [stroke, line] = [colour(figure.querySelector("[data-at]")), getComputedStyle(figure).borderTopColor];
  const shared = { stroke, font: "11px 'Inter Variable', sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return [{ ...shared, grid: { show: false }, values: (_, ticks) => ticks.map(dateOrTime) }, { ...shared, size: 64, values: (_, ticks) => ticks.map((tick) => said(tick, unit)) }];
}

function legend(figure, data, unit) {
  const [now, at] = [[...figure.querySelectorAll("[data-now]")], figure.querySelector("[data-at]")];
  const before = [...now, at].map((element) => element.textContent);
  return ({ cursor: { idx } }) => {
    const isOn = idx != null;
    now.forEach((element, n) => { element.textContent = isOn ? said(data[n + 1][idx], unit) : before[n]; });
    at.textContent = isOn ? new Date(data[0][idx] * 1000).toUTCString().slice(5, 22) : before.at(-1);
  };
}

function drawn(figure) {
  const [unit, isStacked] = [figure.dataset.chart, "stacked" in figure.dataset];
  const [place, data, keys] = [figure.querySelector("[data-canvas]"), readTable(figure), [...figure.querySelectorAll(".c-key")]];
  const lines = keys.map((key, n) => lineOf(key, n, isStacked));
  const sums = isStacked ? stacked(data) : data;
  // The highest sum is drawn first, so that those below it lie over it.
  const order = isStacked ? (list) => [list[0], ...list.slice(1).reverse()] : (list) => list;
  const options = {
    width: place.clientWidth - 16, height: place.clientHeight - 8, series: order([{}, ...lines]), axes: axes(figure, unit),
    legend: { show: false }, cursor: { points: { show: false }, drag: { x: false, y: false }, y: false, sync: { key: "usage" } },
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, (most || 1) * 1.1] } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"), hooks: { setCursor: [legend(figure, data, unit)] },
  };
  place.replaceChildren();
  return new uPlot(options, order(sums), place);
}

/* Drawn anew where the colours change; a chart follows its panel's width. */
function drawAll() {
  for (const figure of document.querySelectorAll("[data-chart]:has([data-canvas])")) drawn(figure);
}
drawAll();
let wait;
const again = () => { clearTimeout(wait); wait = setTimeout(drawAll, 100); };
addEventListener("resize", again);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
