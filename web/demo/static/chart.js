/** A small line chart of the last minute, drawn by hand. */

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 56;
/** Values that are shown, one a second. */
export const POINTS = 60;

export class Chart {
  #svg = document.createElementNS(SVG, 'svg');
  /** @type {{ line: SVGElement, values: number[] }[]} */
  #series;
  #peak = document.createElementNS(SVG, 'text');
  #format;
  #title;

  /**
   * @param {HTMLElement} figure with an `output` for the newest value
   * @param {{ title: string, series: string[], format: (value: number) => string }} options
   */
  constructor(figure, { title, series, format }) {
    this.#format = format;
    this.#title = title;
    this.#svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#svg.setAttribute('role', 'img');
    this.#svg.append(shape('path', 'grid', `M0 ${HEIGHT - 0.5}H${WIDTH}M0 14.5H${WIDTH}`));
    this.#series = series.map((name) => {
      const line = shape('path', `series ${name}`, '');
      this.#svg.append(line);
      return { line, values: [] };
    });
    this.#peak.setAttribute('class', 'peak');
    this.#peak.setAttribute('x', String(WIDTH));
    this.#peak.setAttribute('y', '10');
    this.#svg.append(this.#peak);
    figure.append(this.#svg);
    this.clear();
  }

  clear() {
    for (const series of this.#series) series.values = [];
    this.#draw();
  }

  /** @param {(number | null)[]} values one for each series; null for one that is not known */
  add(values) {
    this.#series.forEach((series, index) => {
      const value = values[index] ?? series.values.at(-1) ?? 0;
      series.values = [...series.values, value].slice(-POINTS);
    });
    this.#draw();
  }

  #draw() {
    const peak = Math.max(...this.#series.flatMap(({ values }) => values), 0);
    for (const { line, values } of this.#series) line.setAttribute('d', path(values, peak || 1));
    this.#peak.textContent = peak > 0 ? this.#format(peak) : '';
    const newest = this.#series.map(({ values }) => this.#format(values.at(-1) ?? 0)).join(' and ');
    const words = peak > 0 ? `now ${newest}, at most ${this.#format(peak)} in the last minute` : 'nothing measured yet';
    this.#svg.setAttribute('aria-label', `${this.#title}: ${words}`);
  }
}

/** From the right edge to the left, newest first. @param {number[]} values @param {number} peak */
function path(values, peak) {
  const step = WIDTH / (POINTS - 1);
  const start = WIDTH - (values.length - 1) * step;
  const points = values.map((value, index) => {
    const y = HEIGHT - 1.5 - (value / peak) * (HEIGHT - 17);
    return `${(start + index * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  return points.length > 1 ? `M${points.join('L')}` : '';
}

/** @param {string} name @param {string} className @param {string} d */
function shape(name, className, d) {
  const element = document.createElementNS(SVG, name);
  element.setAttribute('class', className);
  element.setAttribute('d', d);
  return element;
}
