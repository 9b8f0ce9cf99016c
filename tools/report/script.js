'use strict';
// Builds the page from the results in #data (docs/results_schema.md). Charts are drawn again when
// the colours change: by the system's theme, and for paper.
(() => {
  const results = JSON.parse(document.getElementById('data').textContent);
  const page = document.getElementById('page');
  const palette = ['#3b7dd8', '#e07b39', '#3a9d5d', '#c0447a', '#8a63c9', '#b59a1c', '#4aa3a3',
    '#d1493f', '#7a7f87'];
  const kinds_known = ['convolution+activation', 'pooling', 'normalisation', 'inner product',
    'softmax', 'copy/reorder', 'other', 'kernel launch', 'synchronisation wait'];
  const colour_of = (kind) => palette[Math.max(0, kinds_known.indexOf(kind))];
  const charts = [];  // {canvas, config(colours), chart}

  const make = (tag, text, parent = page, name = '') => {
    const element = document.createElement(tag);
    if (text !== '') element.textContent = text;
    if (name) element.className = name;
    parent.append(element);
    return element;
  };
  const number = (value, digits = 3) => {
    if (value === null || value === undefined) return '';
    if (typeof value !== 'number') return String(value);
    if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e7))
      return value.toExponential(2);
    return Number(value.toPrecision(Math.max(digits, 4))).toLocaleString('en');
  };

  const colours = (paper) => {
    const dark = !paper && matchMedia('(prefers-color-scheme: dark)').matches;
    return dark ? { ink: '#e6eaee', line: '#333b45' } : { ink: '#1b1f24', line: '#d5dae0' };
  };
  const draw = (paper = false) => {
    const now = colours(paper);
    for (const entry of charts) {
      if (entry.chart) entry.chart.destroy();
      entry.chart = new Chart(entry.canvas, entry.config(now));
    }
    document.body.dataset.charts = charts.length;
  };
  const add_chart = (height, config) => {
    const box = make('div', '', page, 'chart');
    box.style.height = height + 'px';
    charts.push({ canvas: make('canvas', '', box), config });
  };
  const axis = (now, title, more = {}) => ({
    title: { display: true, text: title, color: now.ink },
    ticks: { color: now.ink }, grid: { color: now.line }, ...more
  });
  const common = (now, scales, plugins = {}) => ({
    animation: false, maintainAspectRatio: false, scales,
    plugins: { legend: { labels: { color: now.ink } }, ...plugins }
  });
  const bars = (labels, datasets, title, more = {}) => {
    const rows = labels.length * (more.stacked ? 1 : Math.max(1, datasets.length));
    add_chart(80 + 26 * Math.max(2, rows), (now) => ({
      type: 'bar',
      data: { labels, datasets },
      options: {
        indexAxis: 'y',
        ...common(now, {
          x: axis(now, title, { stacked: !!more.stacked, beginAtZero: true, max: more.max }),
          y: axis(now, '', { stacked: !!more.stacked })
        }, { legend: { display: datasets.length > 1 && !more.bare, labels: { color: now.ink } } })
      }
    }));
  };

  // columns: [title, value(row), is_number]
  const add_table = (columns, rows, filter = false) => {
    let search = null;
    if (filter) {
      search = make('input', '');
      search.type = 'search';
      search.placeholder = 'Filter rows';
      search.setAttribute('aria-label', 'Filter rows');
    }
    const table = make('table', '', make('div', '', page, filter ? 'wide long' : 'wide'));
    const head = make('tr', '', make('thead', '', table));
    const body = make('tbody', '', table);
    let shown = rows.slice();
    const fill = () => {
      const wanted = search ? search.value.toLowerCase() : '';
      body.replaceChildren();
      for (const row of shown) {
        const cells = columns.map(([, value]) => value(row));
        if (wanted && !cells.join(' ').toLowerCase().includes(wanted)) continue;
        const line = make('tr', '', body, row.parts ? 'parts' : '');
        columns.forEach(([, , is_number], i) => {
          make('td', is_number ? number(cells[i]) : String(cells[i] ?? ''), line,
            is_number ? 'number' : '');
        });
      }
    };
    columns.forEach(([title, value, is_number]) => {
      const cell = make('th', '', head, is_number ? 'number' : '');
      cell.dataset.title = title;
      const button = make('button', title, cell);
      button.type = 'button';
      button.addEventListener('click', () => {
        const up = cell.getAttribute('aria-sort') === 'descending';
        for (const other of head.children) other.removeAttribute('aria-sort');
        cell.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        shown.sort((a, b) => {
          const x = value(a), y = value(b);
          const order = is_number ? (x ?? -Infinity) - (y ?? -Infinity)
            : String(x).localeCompare(String(y));
          return up ? order : -order;
        });
        fill();
      });
    });
    if (search) search.addEventListener('input', fill);
    fill();
  };

  const way_of = (row) => [row.engine === 'kissa' ? '' : row.engine, row.mode, row.precision,
    'batch ' + row.batch, row.device && row.device !== 'cpu' ? row.device : '']
    .filter(Boolean).join(', ');
  const name_of = (result, i) => result.source || `result ${i + 1}`;

  const show_rows = (rows) => {
    make('h3', 'Times');
    bars(rows.map(way_of), [{ label: 'median', data: rows.map((row) => row.median_us),
      backgroundColor: palette[0] }], 'microseconds a batch (median)');
    const base = (row) => rows.find((other) => other.mode === 'caffe' &&
      other.precision === 'fp32' && other.batch === row.batch);
    add_table([['way', way_of], ['median us', (row) => row.median_us, true],
      ['min us', (row) => row.min_us, true], ['images/s', (row) => row.images_per_s, true],
      ['speed-up over caffe', (row) => base(row) ? base(row).median_us / row.median_us : null, true],
      ['runs', (row) => row.runs, true], ['max abs diff', (row) => row.max_abs_diff, true],
      ['top-1 agreement', (row) => row.top1_agree, true]], rows);
  };

  const show_kinds = (profiles) => {
    const kinds = kinds_known.filter((kind) =>
      profiles.some((p) => p.kinds.some((row) => row.kind === kind)));
    const us_of = (p, kind) => (p.kinds.find((row) => row.kind === kind) || { us: 0 }).us;
    const all_us = (p) => p.kinds.reduce((all, kind) => all + kind.us, 0);
    const before = page.childElementCount;
    make('h3', 'Where the time goes, by kind');
    for (const [title, value, max] of [['microseconds', us_of],
      ['percent of the run', (p, kind) => 100 * us_of(p, kind) / all_us(p), 100]])
      bars(profiles.map((p) => `${p.setting.mode}, ${p.setting.precision}`), kinds.map((kind) => ({
        label: kind, backgroundColor: colour_of(kind), data: profiles.map((p) => value(p, kind))
      })), title, { stacked: true, max, bare: max !== undefined });
    for (const element of [...page.children].slice(before)) element.classList.add('by-kind');
  };

  const show_roofline = (profile) => {
    const rates = profile.peaks.rates;
    const rate = rates.find((r) => r.precision === profile.setting.precision) ||
      rates.find((r) => r.precision === 'fp32');
    const steps = profile.steps.filter((step) => step.flops > 0 && step.bytes > 0 && step.us > 0);
    if (!rate || !steps.length || !profile.peaks.bandwidth) return;
    const kinds = [...new Set(steps.map((step) => step.kind))];
    const xs = steps.map((step) => step.flops / step.bytes);
    const knee = rate.gflops / profile.peaks.bandwidth;
    const low = Math.min(...xs, knee) / 2, high = Math.max(...xs, knee) * 2;
    make('h3', 'Roofline');
    make('p', 'Each step by its operations a byte and its speed, under what the device can do. ' +
      'Winograd\'s method needs fewer operations than are counted, and data may come from a cache: ' +
      'both may lie above the roof.', page, 'soft');
    add_chart(380, (now) => ({
      type: 'scatter',
      data: {
        datasets: [{
          type: 'line', label: 'measured peak', borderColor: now.ink, borderWidth: 1.5,
          pointRadius: 0, data: [
            { x: low, y: low * profile.peaks.bandwidth }, { x: knee, y: rate.gflops },
            { x: high, y: rate.gflops }]
        }, ...kinds.map((kind) => ({
          label: kind, backgroundColor: colour_of(kind),
          data: steps.filter((step) => step.kind === kind)
            .map((step) => ({ x: step.flops / step.bytes, y: step.gflops, name: step.name }))
        }))]
      },
      options: common(now, {
        x: axis(now, 'operations a byte', { type: 'logarithmic' }),
        y: axis(now, 'GFLOP/s', { type: 'logarithmic' })
      }, { tooltip: { callbacks: { label: (item) =>
        `${item.raw.name ?? 'peak'}: ${number(item.raw.y)} GFLOP/s` } } })
    }));
  };

  const svg = (tag, attributes, parent) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  const show_memory = (memory, steps) => {
    if (!memory || !memory.blocks.length) return;
    const width = 1000, height = 320;
    make('h3', 'Memory over time');
    make('p', `Arena ${number(memory.arena / 2 ** 20)} MiB (all activations together ` +
      `${number(memory.activations / 2 ** 20)} MiB), weights ${number(memory.weights / 2 ** 20)} ` +
      'MiB. Left to right: steps; bottom to top: addresses.', page, 'soft');
    const picture = svg('svg', { viewBox: `0 0 ${width} ${height + 16}`, width: '100%',
      role: 'img', 'aria-label': 'memory over time' }, page);
    memory.blocks.forEach((block, i) => {
      const first = Math.max(0, block.first), last = Math.min(steps - 1, block.last);
      const rect = svg('rect', {
        x: first / steps * width, width: Math.max(1, (last - first + 1) / steps * width - 0.5),
        y: height - (block.offset + block.bytes) / memory.arena * height,
        height: Math.max(0.5, block.bytes / memory.arena * height),
        fill: block.name ? palette[i % (palette.length - 1)] : palette[8], 'fill-opacity': 0.75
      }, picture);
      svg('title', {}, rect).textContent =
        `${block.name || 'workspace'}: ${number(block.bytes / 1024)} KiB, steps ${first}-${last}`;
    });
    svg('text', { x: 0, y: height + 13 }, picture).textContent = 'step 0';
    svg('text', { x: width, y: height + 13, 'text-anchor': 'end' }, picture).textContent =
      `step ${steps - 1}`;
  };

  const show_profile = (profile) => {
    const { mode, precision, batch, device } = profile.setting;
    make('h3', `Steps: ${mode} mode, ${precision}, batch ${batch}, on ${device}`);
    const kinds_us = profile.kinds.reduce((all, kind) => all + kind.us, 0);
    make('p', `Sum of kinds ${number(kinds_us)} us, whole run ${number(profile.whole_us)} us ` +
      `(${number((profile.sum_to_whole - 1) * 100)} %, run against run). ${profile.method || ''}`,
    page, 'soft');
    const heaviest = profile.steps.slice().sort((a, b) => b.us - a.us).slice(0, 20);
    const short = (text) => text.length > 48 ? text.slice(0, 47) + '\u2026' : text;
    bars(heaviest.map((step) => short(step.name)), [{ label: 'us',
      data: heaviest.map((step) => step.us), backgroundColor: palette[2] }],
    'microseconds: the 20 heaviest steps');
    const waits = profile.steps.some((s) => s.wait_us !== undefined);
    add_table([['layers', (s) => s.name], ['kind', (s) => s.kind], ['us', (s) => s.us, true],
      ...(waits ? [['launch us', (s) => s.launch_us, true], ['wait us', (s) => s.wait_us, true]]
        : []),
      ['share %', (s) => s.share * 100, true], ['MFLOP', (s) => s.flops * 1e-6, true],
      ['MB', (s) => s.bytes * 1e-6, true], ['GFLOP/s', (s) => s.gflops, true],
      ['% of peak', (s) => s.peak_share * 100, true], ['GB/s', (s) => s.bandwidth, true],
      ['% of bandwidth', (s) => s.bandwidth_share * 100, true], ['tactic', (s) => s.tactic]],
    profile.steps, true);
    show_roofline(profile);
    show_memory(profile.memory, profile.steps.length);
  };

  const show_study = (study) => {
    if (study.theory) {
      make('h3', 'Theory');
      make('p', `${number(study.work.multiply_adds * 1e-9)} G multiply-adds, ` +
        `${number(study.work.flops * 1e-9)} GFLOP an image; FP32.`, page, 'soft');
      const fused = study.rows.find((row) => row.mode === 'fused' && row.precision === 'fp32' &&
        row.batch === 1);
      add_table([['machine', (row) => row.machine === 'this' ? 'this machine' : row.machine],
        ['by', (row) => row.by], ['GFLOP/s', (row) => row.gflops, true],
        ['theoretical us', (row) => row.us, true],
        ['fused here / this', (row) => fused ? fused.median_us / row.us : null, true]],
      study.theory);
    }
    if (study.findings) {
      make('h3', 'The article\u2019s findings, and this machine\u2019s');
      add_table([['finding', (row) => row.finding], ['article', (row) => row.article],
        ['here', (row) => row.here]], study.findings);
    }
    if (study.against) {
      make('h3', 'Against the other study');
      add_table([['way', way_of], ['old us', (row) => row.old_us, true],
        ['new us', (row) => row.new_us, true], ['faster', (row) => row.speed_up, true]],
      study.against.map((row) => ({ engine: 'kissa', ...row })));
    }
  };

  const show_compare = (compare) => {
    make('h3', 'Agreement');
    const a = compare.agreement;
    make('p', `${a.top1} of ${a.inputs} first choices agree; largest difference ` +
      `${number(a.max_abs)} (${a.max_abs_name}).`);
    if (compare.layers.length) {
      make('h3', 'Layers');
      make('p', compare.first ? `The first layer where they part: ${compare.first}`
        : 'No layer parts.');
      add_table([['blob', (row) => row.blob], ['layers', (row) => row.layers],
        ['largest', (row) => row.max_abs, true], ['relative', (row) => row.relative, true],
        ['cosine', (row) => row.cosine_error, true],
        ['NaN or inf in A', (row) => row.not_finite_a, true],
        ['in B', (row) => row.not_finite_b, true]], compare.layers, true);
    }
    make('h3', 'Predictions');
    const best = (list) => list.length ? `${list[0].label} (${number(list[0].value)})` : '';
    add_table([['input', (row) => row.name], ['A', (row) => best(row.a)],
      ['B', (row) => best(row.b)], ['same first', (row) => row.top1 ? 'yes' : 'no'],
      ['largest difference', (row) => row.max_abs, true],
      ['KL', (row) => row.divergence, true]], compare.predictions, true);
  };

  // Of results that were compared already: each row has a_us and b_us.
  const show_compared = (result) => {
    make('p', `A: ${result.a}`, page, 'soft');
    make('p', `B: ${result.b}`, page, 'soft');
    const times = [['A us', (row) => row.a_us, true], ['B us', (row) => row.b_us, true],
      ['B faster', (row) => row.faster, true]];
    if (result.rows.length)
      add_table([['A', (row) => row.a], ['B', (row) => row.b], ...times], result.rows);
    for (const profile of result.profiles) {
      make('h3', profile.a === profile.b ? profile.a : `${profile.a} | ${profile.b}`);
      add_table([['kind', (row) => row.kind], ...times], profile.kinds);
      add_table([['layers', (row) => row.name], ...times], profile.steps, true);
    }
  };

  const show_devices = (devices) => {
    for (const device of devices) {
      make('h3', `${device.name}: ${device.description}`);
      add_table([['precision', (row) => row.precision],
        ['GFLOP/s, measured', (row) => row.gflops, true],
        ['nominal', (row) => row.nominal_gflops || null, true]], device.peaks.rates);
      make('p', `Bandwidth ${number(device.peaks.bandwidth)} GB/s measured.`);
    }
  };

  const show_several = () => {
    const timed = results.filter((result) => result.what !== 'compared-times' &&
      Array.isArray(result.rows) && result.rows.length);
    if (timed.length < 2) return;
    const ways = [...new Set(timed.flatMap((result) => result.rows.map(way_of)))];
    make('h2', 'Side by side');
    bars(ways, timed.map((result, i) => ({
      label: name_of(result, i), backgroundColor: palette[i % palette.length],
      data: ways.map((way) => (result.rows.find((row) => way_of(row) === way) || {}).median_us)
    })), 'microseconds a batch (median)');
  };

  const show_result = (result, i) => {
    make('h2', `${result.network || 'Machine'}: ${result.what}`);
    const machine = result.machine || {};
    make('p', [name_of(result, i), result.date, 'kissa ' + (result.version || ''), machine.cpu,
      machine.cores ? machine.cores + ' cores' : '', machine.gpu].filter(Boolean).join(' \u00b7 '),
    page, 'soft');
    if (result.complete === false) make('p', 'Interrupted: not all was measured.');
    if (result.what === 'compared-times') return show_compared(result);
    if (Array.isArray(result.rows) && result.rows.length) show_rows(result.rows);
    show_study(result);
    const profiles = result.profiles || (result.steps ? [result] : []);
    if (profiles.length) show_kinds(profiles);
    profiles.forEach(show_profile);
    if (result.what === 'compare') show_compare(result);
    if (result.devices) show_devices(result.devices);
  };

  make('h1', 'Kissa report');
  show_several();
  results.forEach(show_result);
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw());
  addEventListener('beforeprint', () => draw(true));
  addEventListener('afterprint', () => draw());
})();
