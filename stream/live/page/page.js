"use strict";
(() => {
  // Okabe and Ito, Color universal design, 2008; line styles differ as well, so that no reader depends on colour.
  const LOOKS = [["#0072b2", []], ["#d55e00", [8, 4]], ["#009e73", [2, 3]], ["#cc79a7", [10, 3, 2, 3]], ["#e69f00", [14, 4]], ["#56b4e9", [4, 2]]];
  const MOST_LABELS = 50;
  const $ = (id) => document.getElementById(id);
  const number = (value) => (value == null ? "–" : Math.round(value).toLocaleString("en"));
  const fixed = (value, digits = 4) => (value == null ? "–" : value.toFixed(digits));
  const title = (name) => name.replaceAll("_", " ").replace(/\bf1\b/, "F1");

  function make(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in node) node[name] = value; else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }
  function definitions(place, pairs) {
    place.replaceChildren(...pairs.map(([name, value, key]) => {
      const dd = make("dd", { textContent: value });
      if (key) dd.dataset.key = key;
      return make("div", {}, make("dt", { textContent: name }), dd);
    }));
  }

  let state = JSON.parse($("state").textContent);
  const live = state === null;
  let chart = null, speed = null, routing = null, drawn = "", chosen = null, cursor = null, askedFor = 0;

  // ---- numbers and metrics
  function showNumbers() {
    const kinds = state.task === "single-label" ? "classes" : "labels";
    document.title = `${state.model} on ${state.dataset}`;
    $("title").textContent = document.title;
    const words = { waiting: "Getting ready: kernels are loaded or compiled.", running: "Running.", finished: "Finished." };
    let said = words[state.status] || state.status;
    if (state.interrupted) said = "Interrupted: these are the results so far.";
    if (state.error) said = `Ended by bad data: ${state.error}`;
    if (state.gone) said += " The program has ended; the page keeps what it last told.";
    if ($("status").textContent !== said) $("status").textContent = said;
    const bar = $("progress");
    bar.hidden = !(state.status === "running" && state.total);
    if (!bar.hidden) { bar.max = state.total; bar.value = state.rows; bar.setAttribute("aria-label", "Rows read"); }
    definitions($("numbers"), [
      ["rows", number(state.rows), "rows"], ["rows/s", number(state.rows_per_second), "rows_per_second"],
      ["seconds", fixed(state.seconds, 1), "seconds"], [kinds, number(state.labels), "labels"],
      ["features", number(state.features), "features"], ["labels a row", fixed(state.cardinality, 2), "cardinality"],
      ["clusters", number(state.n_clusters), "n_clusters"], ["drifts seen", number(state.n_drifts), "n_drifts"],
      ["restructures", number(state.n_restructures), "n_restructures"], ["peak memory, MB", number(state.peak_rss_mb), "peak_rss_mb"],
      ...Object.entries(state.counts || {}).map(([name, value]) => [name, number(value), name]),
    ].filter(([, value]) => value !== "–"));
    definitions($("metrics"), Object.entries(state.metrics).map(([name, value]) => [title(name), fixed(value), name]));
  }

  // ---- charts
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function axis(extra) {
    return { stroke: style("--faint"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line") }, ...extra };
  }
  const rowsAxis = () => axis({ space: 76, values: (u, ticks) => ticks.map((t) => (Number.isInteger(t) ? number(t) : "")) });
  function drawMarks(u) {
    const { ctx, bbox } = u;
    ctx.save();
    for (const [rows, colour, dash] of [[state.restructures, style("--faint"), []], [state.drifts, style("--red"), [4, 4]]]) {
      ctx.strokeStyle = colour; ctx.lineWidth = 1.5 * devicePixelRatio; ctx.setLineDash(dash.map((d) => d * devicePixelRatio));
      ctx.beginPath();
      for (const row of rows) {
        const x = u.valToPos(row, "x", true);
        if (x >= bbox.left && x <= bbox.left + bbox.width) { ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); }
      }
      ctx.stroke();
    }
    ctx.restore();
  }
  function read(u) {
    const at = u.cursor.idx;
    if (at == null) return;
    cursor = at;
    const parts = [`to row ${number(state.history.stop[at])}`];
    for (const name of chosen) parts.push(`${title(name)} ${fixed(state.history.metrics[name][at])}`);
    $("reading").textContent = parts.join(" · ");
  }
  function showCharts() {
    const history = state.history;
    const many = history.joined > 1 ? `; older points are the mean of ${history.joined} windows` : "";
    $("course-note").textContent = history.stop.length ? `In windows of ${number(state.window)} rows${many}.` : "The first window is not complete.";
    const rows = (list, n, kind) => (n ? `${kind}: ${number(n)}${list.length ? ` (rows ${list.slice(-8).map(number).join(", ")}${list.length > 8 ? ", the last 8" : ""})` : ""}` : `${kind}: none`);
    const notes = [];
    if (state.n_drifts != null) notes.push("┆ " + rows(state.drifts, state.n_drifts, "drift seen"));
    if (state.n_restructures != null) notes.push("│ " + rows(state.restructures, state.n_restructures, "restructured"));
    $("marks-note").textContent = notes.join("  ");
    $("marks-note").dataset.drifts = JSON.stringify(state.drifts);
    $("marks-note").dataset.restructures = JSON.stringify(state.restructures);
    $("chart").dataset.points = String(history.stop.length);
    if (!history.stop.length) return;
    const names = Object.keys(history.metrics);
    if (chosen === null) chosen = state.shown.filter((name) => names.includes(name));
    if ($("choice").children.length === 1) names.forEach((name) => {
      const box = make("input", { type: "checkbox", value: name, checked: chosen.includes(name) });
      box.addEventListener("change", () => {
        chosen = box.checked ? [...chosen, name] : chosen.filter((each) => each !== name);
        drawn = ""; showCharts();
      });
      $("choice").append(make("label", {}, box, make("span", { className: "swatch" }), title(name)));
    });
    $("choice").querySelectorAll("label").forEach((label) => {
      const at = chosen.indexOf(label.firstChild.value), swatch = label.children[1];
      swatch.classList.toggle("off", at < 0);
      swatch.style.borderTopColor = at < 0 ? "transparent" : LOOKS[at % LOOKS.length][0];
      swatch.style.borderTopStyle = at < 0 ? "solid" : ["solid", "dashed", "dotted"][at % 3];
    });
    const width = $("chart").clientWidth;
    const key = `${width}|${chosen.join()}|${matchMedia("(prefers-color-scheme:dark)").matches}`;
    const data = [history.stop, ...chosen.map((name) => history.metrics[name])];
    const speeds = [history.stop, history.rows_per_second], routed = showRouting(history);
    if (key === drawn) { chart.setData(data); speed.setData(speeds); if (routing) routing.setData(routed); return; }
    drawn = key;
    for (const each of [chart, speed, routing]) if (each) each.destroy();
    const x = { time: false, range: (u, low, high) => [0, Math.max(1, high)] };
    chart = new uPlot({
      width, height: 320, scales: { x, y: { range: (u, low, high) => (low == null ? [0, 1] : [Math.min(0, low), Math.max(1, high)]) } },
      axes: [rowsAxis(), axis({ size: 46 })],
      series: [{}, ...chosen.map((name, i) => ({ label: title(name), stroke: LOOKS[i % LOOKS.length][0], width: 2, dash: LOOKS[i % LOOKS.length][1], points: { show: history.stop.length < 2 } }))],
      hooks: { draw: [drawMarks], setCursor: [read] },
    }, data, $("chart"));
    speed = new uPlot({
      width, height: 130, scales: { x, y: { range: (u, low, high) => [0, Math.max(1, high || 1) * 1.05] } },
      axes: [rowsAxis(), axis({ size: 66, space: 28, values: (u, ticks) => ticks.map(number) })],
      series: [{}, { stroke: style("--faint"), width: 1.5, points: { show: history.stop.length < 2 } }], cursor: { show: false },
    }, speeds, $("speed"));
    routing = routed && new uPlot({
      width, height: 130, scales: { x, y: { range: (u, low, high) => [0, Math.max(1, high || 1) * 1.1] } },
      axes: [rowsAxis(), axis({ size: 46, space: 28 })],
      series: [{}, ...routed.slice(1).map((_, i) => ({ stroke: LOOKS[i][0], width: 2, dash: LOOKS[i][1], points: { show: history.stop.length < 2 } }))],
      hooks: { draw: [drawMarks] }, cursor: { show: false },
    }, routed, $("routing"));
  }
  // Clusters over the windows and, of a model with a gate, how many of them a row was asked of.
  function showRouting(history) {
    $("routing-block").hidden = !history.clusters;
    if (!history.clusters) return null;
    const last = history.stop.length - 1, notes = [`━ clusters of the partition: ${number(history.clusters[last])}`];
    if (history.asked) notes.push(`╌ clusters asked a row: ${fixed(history.asked[last], 1)} of ${number(history.askable[last])} behind the gate`);
    if (history.missed?.[last] != null) notes.push(`present labels whose cluster was not asked: ${fixed(100 * history.missed[last], 2)} %`);
    $("routing-note").textContent = `In the last window: ${notes.join("; ")}.`;
    return [history.stop, history.clusters, ...(history.asked ? [history.asked] : [])];
  }
  $("chart").addEventListener("keydown", (event) => {
    const last = state.history.stop.length - 1;
    const steps = { ArrowLeft: (cursor ?? last + 1) - 1, ArrowRight: (cursor ?? -1) + 1, Home: 0, End: last };
    if (!(event.key in steps) || !chart) return;
    event.preventDefault();
    const at = Math.max(0, Math.min(last, steps[event.key]));
    chart.setCursor({ left: chart.valToPos(state.history.stop[at], "x"), top: 10 });
  });
  addEventListener("resize", () => showCharts());
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => showCharts());

  // ---- clusters and changes
  const some = (labels, n) => labels.slice(0, 12).join(", ") + (n > Math.min(12, labels.length) ? ` and ${number(n - Math.min(12, labels.length))} more` : "");
  function bar(share) {
    const inner = make("i");
    inner.style.width = `${Math.round(100 * share)}%`;
    return make("span", { className: "bar", "aria-hidden": "true" }, inner);
  }
  function showClusters() {
    $("clusters-section").hidden = !state.hierarchy.length;
    const places = new Map([[null, $("clusters")]]);
    $("clusters").replaceChildren();
    for (const node of state.hierarchy) {
      const parent = places.get(node.parent);
      if (!parent) continue;
      const item = make("li");
      if (node.labels) {
        item.append(bar(node.f1), make("strong", { textContent: `${node.id}: ` }), `F1 ${fixed(node.f1, 3)} · ${some(node.labels, node.n_labels)}`);
        item.dataset.cluster = node.id; item.dataset.f1 = node.f1;
        if (node.experts) item.append(make("div", { className: "note", textContent: `experts are asked with weights ${node.experts.map((share) => fixed(share, 2)).join(" / ")}` }));
      } else {
        const list = make("ul");
        item.append(`${number(node.n_labels)} labels`, list);
        places.set(node.id, list);
      }
      parent.append(item);
    }
    const hidden = state.n_nodes - state.hierarchy.length;
    $("clusters-note").textContent = state.hierarchy.length ? `${number(state.n_clusters)} clusters; the bar is the micro-F1 of the labels of a cluster over all rows.` + (hidden > 0 ? ` ${number(hidden)} nodes are left out.` : "") : "";
    if (state.threads > 1) $("clusters-note").textContent += ` They are dealt out to ${number(state.threads)} threads anew with each batch, by what they have to do.`;
    showWorkers();
    $("changes-section").hidden = !state.changes.length;
    $("changes").replaceChildren(...state.changes.slice().reverse().map((event) => {
      const sets = (clusters) => clusters.map((c) => `${c.id}: ${some(c.labels, c.n_labels)}`).join("; ") || "–";
      const why = Object.entries(event.quantities).map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`).join(", ");
      return make("tr", {}, make("td", { className: "n", textContent: number(event.row) }), make("td", { className: "kind", textContent: event.kind }),
        make("td", { className: "name", textContent: sets(event.before) }), make("td", { className: "name", textContent: sets(event.after) }), make("td", { textContent: why || "–" }));
    }));
  }

  function showWorkers() {
    const workers = state.workers || [];
    $("workers-block").hidden = !workers.length;
    if (!workers.length) return;
    $("clusters-section").hidden = false;
    const moves = state.n_moves ? ` Clusters went to another worker ${state.n_moves === 1 ? "once" : `${number(state.n_moves)} times`}, to even out the work.` : "";
    $("workers-note").textContent = `${number(workers.length)} workers; clusters are numbered in the order in which they began.${moves}`;
    $("workers").replaceChildren(...workers.map((each) => make("tr", {}, make("td", { className: "name", textContent: `${each.host}, process ${each.process}` }),
      make("td", { className: "name", textContent: `${number(each.n_clusters)}: ${some(each.clusters, each.n_clusters)}` }), make("td", { className: "n", textContent: fixed(each.mb, 1) }),
      make("td", { className: "n", textContent: fixed(each.seconds, 1) }), make("td", { className: "n", textContent: number(each.restarts) }))));
  }

  // ---- labels
  let lowered = null, loweredOf = null;
  const f1 = (t, i) => (t.tp[i] ? (2 * t.tp[i]) / (2 * t.tp[i] + t.fp[i] + t.fn[i]) : 0);
  function findHere(query, order) {
    const table = state.label_table;
    if (loweredOf !== table.names) { lowered = table.names.map((name) => name.toLowerCase()); loweredOf = table.names; }
    const found = [];
    for (let i = 0; i < lowered.length; i++) if (!query || lowered[i].includes(query)) found.push(i);
    const support = (i) => table.tp[i] + table.fn[i];
    const ways = {
      support: (a, b) => support(b) - support(a) || a - b,
      worst: (a, b) => f1(table, a) - f1(table, b) || support(b) - support(a) || a - b,
      best: (a, b) => f1(table, b) - f1(table, a) || support(b) - support(a) || a - b,
      name: (a, b) => (table.names[a] < table.names[b] ? -1 : 1),
    };
    found.sort(ways[order]);
    const rows = found.slice(0, MOST_LABELS).map((i) => ({ label: table.names[i], cluster: table.cluster[i], tp: table.tp[i], fp: table.fp[i], fn: table.fn[i] }));
    return { found: found.length, of: table.names.length, rows };
  }
  async function showLabels() {
    const query = $("search").value.trim().toLowerCase(), order = $("order").value, mine = ++askedFor;
    let answer;
    if (state.label_table) answer = findHere(query, order);
    else {
      try {
        const reply = await fetch(`labels?${new URLSearchParams({ query, order })}`);
        if (!reply.ok) return;
        answer = await reply.json();
      } catch { return; }
      if (mine !== askedFor) return;
    }
    $("labels-note").textContent = `${number(answer.found)} of ${number(answer.of)} labels` + (answer.found > answer.rows.length ? `; the first ${answer.rows.length} are shown.` : ".");
    $("labels").replaceChildren(...answer.rows.map((each) => {
      const ratio = (part, whole) => fixed(whole ? part / whole : 0);
      const cells = [number(each.tp + each.fn), ratio(each.tp, each.tp + each.fp), ratio(each.tp, each.tp + each.fn), ratio(2 * each.tp, 2 * each.tp + each.fp + each.fn)];
      const row = make("tr", {}, make("td", { className: "name", textContent: each.label }), make("td", { textContent: each.cluster ?? "–" }), ...cells.map((cell) => make("td", { className: "n", textContent: cell })));
      row.dataset.label = each.label;
      return row;
    }));
  }
  $("search").addEventListener("input", showLabels);
  $("order").addEventListener("change", showLabels);

  // ---- predictions
  function showPredictions() {
    $("predictions-section").hidden = !state.predictions.length;
    if ($("predictions").contains(document.activeElement) || $("predictions").querySelector("details[open]")) return;
    $("predictions-note").textContent = "A sample of rows as they were answered; open one to see what led to the answer.";
    $("predictions").replaceChildren(...state.predictions.slice().reverse().map((each) => {
      const truth = new Set(each.truth), said = new Set(each.answered);
      const summary = make("summary", {}, `row ${number(each.row)}: `);
      const words = [...each.answered.map((l) => [l, truth.has(l) ? "right" : "wrong", truth.has(l) ? "✓ " : "✗ "]), ...each.truth.filter((l) => !said.has(l)).map((l) => [l, "wrong", "missed "])];
      if (!words.length) summary.append("no label, rightly");
      words.slice(0, 30).forEach(([label, kind, sign], i) => summary.append(i ? ", " : "", make("span", { className: kind, textContent: sign + label })));
      if (words.length > 30) summary.append(` and ${number(words.length - 30)} more`);
      if (!each.why?.length) return make("p", {}, ...summary.childNodes);
      const body = make("tbody", {}, ...each.why.map((w) => make("tr", {}, make("td", { className: "name", textContent: w.label }), make("td", { className: "n", textContent: fixed(w.probability, 3) }), make("td", { textContent: w.cluster ?? "–" }),
        make("td", { textContent: Object.entries(w.models || {}).map(([name, value]) => `${name} ${fixed(value, 2)}`).join(", ") }))));
      return make("details", {}, summary, make("div", { className: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...["label", "probability", "cluster", "what the models say"].map((head) => make("th", { textContent: head })))), body)));
    }));
  }

  function showAbout() {
    const pairs = [...Object.entries(state.params || {}), ...Object.entries(state.versions || {}).map(([name, value]) => [`${name} version`, value])];
    $("about").replaceChildren(...pairs.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: typeof value === "string" ? value : JSON.stringify(value) })]));
  }
  function show() {
    showNumbers(); showCharts(); showClusters(); showLabels(); showPredictions(); showAbout();
    document.body.dataset.ready = state.status;
  }

  // ---- live: ask for what is newer than the state shown; the answer comes as soon as there is any
  async function follow() {
    let since = -1, failures = 0;
    for (;;) {
      try {
        const reply = await fetch(`state?since=${since}`);
        if (!reply.ok) throw new Error(String(reply.status));
        const news = await reply.json();
        failures = 0;
        if (news.version !== since) { state = news; since = news.version; show(); }
        if (state.status === "finished") return;
      } catch {
        if (++failures > 3) { if (state) { state.gone = true; showNumbers(); } return; }
        await new Promise((done) => setTimeout(done, 500));
      }
    }
  }
  if (live) { $("status").textContent = "Getting ready."; follow(); } else show();
})();
