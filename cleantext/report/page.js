// Filters and sorts the list of pages. Without scripts the list stands as it is, and the controls stay hidden.
(() => {
  const list = document.getElementById("page-list");
  const tools = document.getElementById("page-tools");
  if (!list || !tools) return;
  const rows = [...list.querySelectorAll("details.page")];
  const [words, reason, order] = ["page-words", "page-reason", "page-order"].map((id) => document.getElementById(id));
  const shown = document.getElementById("page-shown");
  const by = {
    given: (row) => rows.indexOf(row),
    share: (row) => -row.dataset.share,
    size: (row) => -row.dataset.size,
    sure: (row) => +row.dataset.sure,
  };
  const update = () => {
    const wanted = words.value.trim().toLowerCase();
    let n = 0;
    for (const row of rows) {
      const fits = (!reason.value || row.dataset.reasons.split("|").includes(reason.value)) && row.dataset.words.includes(wanted);
      row.hidden = !fits;
      n += fits;
    }
    shown.textContent = `${n} of ${rows.length} shown`;
    const key = new Map(rows.map((row) => [row, by[order.value](row)]));
    list.append(...[...rows].sort((a, b) => key.get(a) - key.get(b)));
  };
  for (const kind of ["input", "change"]) tools.addEventListener(kind, update);
  tools.hidden = false;
  update();
})();
