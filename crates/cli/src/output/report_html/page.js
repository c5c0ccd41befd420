'use strict';
// The table of images. Whatever stands in it is foreign text: it goes into the page as text only, never as HTML.
(() => {
  const PAGE = 100;
  const ON_PAPER = 200;
  // In the order of their numbers in the data.
  const OUTCOMES = [
    ['failed', 'failed'], ['notDone', 'not done'], ['skipped', 'skipped'],
    ['wouldCopy', 'would copy'], ['copied', 'copied'], ['unchanged', 'unchanged'],
  ];
  const [OUTCOME, TARGET, SOURCE, DIGEST, SOURCE_DIGEST, MOVED, MOUNTED, PRESENT, SECONDS, ATTEMPTS, RULE, NOTE, WORKER, ERROR] =
    Array(14).keys();
  const [KIND, SIDE, HOST, OPERATION, STATUS, CODE, REQUEST, MESSAGE, HINT, CAUSE] = Array(10).keys();

  const { texts, rows } = JSON.parse(document.getElementById('data').textContent);
  const byId = (id) => document.getElementById(id);
  const text = (number) => (number === null ? '' : texts[number]);
  const hasWorkers = document.querySelector('th[data-sort=worker]') !== null;
  const error = (row, part) => (row[ERROR] ? row[ERROR][part] : null);

  const found = rows.map((row) => [
    row[TARGET], row[SOURCE], row[DIGEST], row[SOURCE_DIGEST], text(row[RULE]), text(row[NOTE]), text(row[WORKER]),
    error(row, MESSAGE), error(row, OPERATION), row[ERROR] ? text(row[ERROR][KIND]) : '', error(row, REQUEST),
  ].join('\n').toLowerCase());

  // v1.9 stands before v1.10.
  const natural = (name) => name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'));
  const ranks = (names) => {
    const keys = names.map(natural);
    const order = keys.map((_, index) => index);
    order.sort((a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : 0));
    const rank = new Array(names.length);
    order.forEach((index, place) => { rank[index] = place; });
    return rank;
  };
  const targets = ranks(rows.map((row) => row[TARGET]));
  const SORTS = {
    outcome: rows.map((row) => row[OUTCOME]),
    target: targets,
    digest: ranks(rows.map((row) => row[DIGEST] || '\uffff')),
    worker: ranks(rows.map((row) => text(row[WORKER]) || '\uffff')),
    moved: rows.map((row) => row[MOVED]),
    seconds: rows.map((row) => row[SECONDS]),
  };
  // What is largest is looked for first.
  const FALLING = new Set(['moved', 'seconds']);

  const state = { words: [], outcome: null, cause: null, sort: 'outcome', falling: false, first: 0, open: new Set() };
  let chosen = [];

  const choose = () => {
    const { words, outcome, cause } = state;
    chosen = [];
    rows.forEach((row, index) => {
      if (outcome !== null && row[OUTCOME] !== outcome) return;
      if (cause !== null && (!row[ERROR] || text(row[ERROR][CAUSE]) !== cause)) return;
      if (words.every((word) => found[index].includes(word))) chosen.push(index);
    });
    const [keys, sign] = [SORTS[state.sort], state.falling ? -1 : 1];
    chosen.sort((a, b) => sign * (keys[a] - keys[b]) || targets[a] - targets[b]);
    state.first = 0;
  };

  const element = (name, className, content) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  };

  const bytes = (amount) => {
    if (amount < 1024) return `${amount} B`;
    let [value, unit] = [amount, -1];
    while (value >= 1024 && unit < 4) { value /= 1024; unit += 1; }
    return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${['KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit]}`;
  };
  const time = (seconds) => {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    const whole = Math.floor(seconds);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  };
  const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

  const say = (words) => { byId('said').textContent = words; };
  // Pages that come without TLS have no clipboard.
  const copyOldWay = (words) => {
    const area = element('textarea');
    area.value = words;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    return isCopied;
  };
  const copy = async (words, button) => {
    const isCopied = navigator.clipboard
      ? await navigator.clipboard.writeText(words).then(() => true, () => copyOldWay(words))
      : copyOldWay(words);
    if (isCopied) button.classList.add('done');
    say(isCopied ? 'Copied' : 'This browser does not copy');
    setTimeout(() => { button.classList.remove('done'); say(''); }, 1200);
  };
  const digest = (whole, isWhole) => {
    const button = element('button', 'digest mono');
    button.type = 'button';
    button.title = `Copy ${whole}`;
    const hex = whole.slice(whole.indexOf(':') + 1);
    button.append(element('span', '', isWhole ? whole : hex.slice(0, 12)));
    button.addEventListener('click', (event) => { event.stopPropagation(); copy(whole, button); });
    return button;
  };

  const details = (row) => {
    const list = element('dl');
    const add = (name, content) => {
      if (content === null || content === undefined || content === '') return;
      const value = element('dd');
      value.append(content);
      list.append(element('dt', '', name), value);
    };
    if (row[ERROR]) {
      const failed = row[ERROR];
      add('Failed at', `${text(failed[SIDE])} ${text(failed[HOST])}: ${failed[OPERATION]}`);
      add('Why', failed[MESSAGE]);
      add('Next', element('b', '', text(failed[HINT])));
      add('Answer', [failed[STATUS], failed[CODE]].filter((part) => part !== null).join(' '));
      add('Request id', failed[REQUEST] && element('span', 'mono', failed[REQUEST]));
    }
    add('Because', text(row[NOTE]));
    add('Source', element('span', 'mono', row[SOURCE]));
    add('Target', element('span', 'mono', row[TARGET]));
    if (row[DIGEST]) add('Digest', digest(row[DIGEST], true));
    if (row[SOURCE_DIGEST]) add('At the source', digest(row[SOURCE_DIGEST], true));
    add('Rule', text(row[RULE]));
    const amounts = [[MOVED, 'moved'], [MOUNTED, 'mounted'], [PRESENT, 'there before']];
    add('Bytes', amounts.filter(([key]) => row[key] > 0).map(([key, word]) => `${bytes(row[key])} ${word}`).join(', '));
    add('Time', `${time(row[SECONDS])}${row[ATTEMPTS] > 1 ? `, ${row[ATTEMPTS]} tries` : ''}`);
    add('Worker', text(row[WORKER]));
    return list;
  };

  const line = (index) => {
    const row = rows[index];
    const [key, word] = OUTCOMES[row[OUTCOME]];
    const made = element('tr', 'image');
    const isOpen = state.open.has(index);
    const toggle = element('button', `outcome ${key}`, word);
    toggle.type = 'button';
    toggle.setAttribute('aria-expanded', String(isOpen));
    const first = element('td');
    first.append(toggle);
    const image = element('td', 'names');
    image.append(element('span', 'target mono', row[TARGET]));
    if (row[SOURCE] !== row[TARGET]) image.append(element('span', 'source mono', row[SOURCE]));
    if (row[ERROR]) image.append(element('span', 'why', row[ERROR][MESSAGE]));
    const fingerprint = element('td', 'wide');
    if (row[DIGEST]) fingerprint.append(digest(row[DIGEST], false));
    made.append(
      first, image, fingerprint,
      ...(hasWorkers ? [element('td', 'wide worker', text(row[WORKER]))] : []),
      element('td', 'number wide', row[MOVED] > 0 ? bytes(row[MOVED]) : '–'),
      element('td', 'number wide', time(row[SECONDS])),
    );
    made.addEventListener('click', () => {
      if (String(getSelection())) return;
      if (isOpen) state.open.delete(index); else state.open.add(index);
      const next = line(index);
      if (isOpen) made.nextSibling.remove();
      made.replaceWith(...next);
      next[0].querySelector('.outcome').focus();
    });
    if (!isOpen) return [made];
    const below = element('tr', 'below');
    const cell = element('td');
    cell.colSpan = hasWorkers ? 6 : 5;
    cell.append(details(row));
    below.append(cell);
    return [made, below];
  };

  const draw = (most = PAGE) => {
    const shown = chosen.slice(state.first, state.first + most);
    byId('rows').replaceChildren(...shown.flatMap(line));
    const last = state.first + shown.length;
    const of = grouped(chosen.length);
    byId('position').textContent = chosen.length === 0 ? 'No image fits'
      : shown.length === chosen.length ? `${of} ${chosen.length === 1 ? 'image' : 'images'}`
        : `${grouped(state.first + 1)} to ${grouped(last)} of ${of} images`;
    byId('back').hidden = state.first === 0;
    byId('forward').hidden = last >= chosen.length;
    for (const head of document.querySelectorAll('th[data-sort]')) {
      const isSorted = head.dataset.sort === state.sort;
      head.setAttribute('aria-sort', isSorted ? (state.falling ? 'descending' : 'ascending') : 'none');
    }
    for (const button of byId('filters').children) {
      button.setAttribute('aria-pressed', String(button.dataset.key === String(state.outcome)));
    }
    byId('chosen').hidden = state.cause === null;
  };
  const again = () => { choose(); draw(); };

  const filter = (key, word, count) => {
    const button = element('button', '');
    button.type = 'button';
    button.dataset.key = String(key);
    button.append(word, element('span', '', grouped(count)));
    button.addEventListener('click', () => { state.outcome = key; again(); });
    return button;
  };
  byId('filters').append(filter(null, 'all', rows.length));
  OUTCOMES.forEach(([, word], key) => {
    const count = rows.filter((row) => row[OUTCOME] === key).length;
    if (count > 0) byId('filters').append(filter(key, word, count));
  });

  let waiting = 0;
  byId('search').addEventListener('input', (event) => {
    state.words = event.target.value.toLowerCase().split(/\s+/).filter((word) => word !== '');
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(again);
  });
  for (const head of document.querySelectorAll('th[data-sort]')) {
    head.querySelector('button').addEventListener('click', () => {
      const key = head.dataset.sort;
      state.falling = state.sort === key ? !state.falling : FALLING.has(key);
      state.sort = key;
      again();
    });
  }
  const turn = (pages) => {
    state.first += pages * PAGE;
    draw();
    byId('images').scrollIntoView();
  };
  byId('back').addEventListener('click', () => turn(-1));
  byId('forward').addEventListener('click', () => turn(1));
  for (const tile of document.querySelectorAll('a[data-outcome]')) {
    tile.addEventListener('click', () => {
      state.outcome = OUTCOMES.findIndex(([key]) => key === tile.dataset.outcome);
      state.cause = null;
      again();
    });
  }
  for (const button of document.querySelectorAll('button[data-cause]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      [state.cause, state.outcome] = [button.dataset.cause, null];
      byId('chosen').firstChild.textContent = `Only what failed at ${button.dataset.label}`;
      again();
      byId('images').scrollIntoView();
    });
  }
  byId('chosen').querySelector('button').addEventListener('click', () => { state.cause = null; again(); });

  // Paper has no pages to turn and nothing to open.
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll('details:not([open])')];
    closed.forEach((one) => { one.open = true; });
    draw(ON_PAPER);
  });
  addEventListener('afterprint', () => {
    closed.forEach((one) => { one.open = false; });
    draw();
  });

  byId('table').hidden = false;
  again();
})();
