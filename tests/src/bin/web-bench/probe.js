// What the benchmark watches from inside the page; it runs before the page's own scripts.
window.probe = {
  ready: null, whole: null, latencies: [], longTasks: [], frames: [], isWatchingFrames: false,
  /** A word after the browser has drawn what stands now. */
  afterPaint(tell) {
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => tell(performance.now());
      channel.port2.postMessage(0);
    });
  },
  /** What each frame costs, from its first callback until it is laid out and given to be drawn. */
  watchFrames(isWatching) {
    this.isWatchingFrames = isWatching;
    const frame = () => {
      if (!this.isWatchingFrames) return;
      requestAnimationFrame(frame);
      const start = performance.now();
      const channel = new MessageChannel();
      channel.port1.onmessage = () => this.frames.push(performance.now() - start);
      channel.port2.postMessage(0);
    };
    if (isWatching) requestAnimationFrame(frame);
  },
};
addEventListener('DOMContentLoaded', () => {
  new MutationObserver(() => { probe.ready ??= document.body.dataset.ready === undefined ? null : performance.now(); })
    .observe(document.body, {attributes: true});
  new MutationObserver(() => { if (document.documentElement.dataset.page === 'whole') probe.whole ??= performance.now(); })
    .observe(document.documentElement, {attributes: true});
});
for (const kind of ['keydown', 'click', 'input']) {
  addEventListener(kind, event => {
    if (event.isTrusted) probe.afterPaint(now => probe.latencies.push([kind, now - event.timeStamp]));
  }, {capture: true});
}
new PerformanceObserver(list => list.getEntries().forEach(it => probe.longTasks.push(it.duration))).observe({type: 'longtask'});
