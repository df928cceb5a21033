/** Messages a second over the last minute: the demo page's chart, a value a second. */

import { Chart } from '/static/chart.js';

export class RateChart {
  #chart;
  /** @type {{ settle: (at: number) => void, perSecond: number | null } | null} */
  #rate = null;

  /** @param {HTMLElement} figure @param {(value: number) => void} [onvalue] */
  constructor(figure, onvalue = () => {}) {
    this.#chart = new Chart(figure, { title: 'Messages a second', series: ['in'], format: perSecond });
    figure.querySelector('svg')?.setAttribute('preserveAspectRatio', 'xMaxYMid');
    setInterval(() => {
      if (this.#rate === null) return;
      this.#chart.add([this.#rate.perSecond ?? 0]);
      onvalue(this.#rate.perSecond ?? 0);
    }, 1000);
  }

  /** @param {{ settle: (at: number) => void, perSecond: number | null } | null} rate null for another room */
  show(rate) {
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#chart.clear();
  }
}

/** @param {number} value */
export function perSecond(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 || value === 0 ? 0 : 1);
}
