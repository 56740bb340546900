// Lists what is wrong with the page as it is shown now.
(async () => {
  const wrong = [];
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const name = (e) => `<${e.tagName.toLowerCase()}${e.getAttribute("class") ? "." + e.getAttribute("class").trim().replace(/\s+/g, ".") : ""}> ${(e.textContent || e.alt || "").trim().slice(0, 40)}`;
  const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const heard = (e) => e.closest(".heard, .skip");

  // Pictures.
  for (const img of all("img")) {
    await img.decode().catch(() => {});
    if (!(img.complete && img.naturalWidth > 0)) wrong.push(`a picture does not load: ${img.alt}`);
    if (!img.alt.trim()) wrong.push("a picture has no alternative text");
  }
  for (const svg of all("svg[role=img]")) {
    if (!svg.querySelector("title")?.textContent || !svg.querySelector("desc")?.textContent) wrong.push("a drawing has no title or description");
  }
  for (const svg of all("svg:not([role=img])")) {
    if (svg.getAttribute("aria-hidden") !== "true") wrong.push("a drawing is neither described nor hidden");
  }

  // Width: nothing but boxes that scroll may be wider than the page.
  const root = document.documentElement;
  const room = root.clientWidth;
  if (root.scrollWidth > room) wrong.push(`the page is ${root.scrollWidth} pixels wide, on a screen of ${room}`);
  const scrolls = (e) => {
    for (let box = e; box && box !== document.body; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  };
  for (const e of all("body *")) {
    if (!shown(e) || heard(e)) continue;
    const box = e.getBoundingClientRect();
    if (box.right > room + 1 && !scrolls(e) && !e.closest("svg")) wrong.push(`${name(e)} ends at ${Math.round(box.right)} of ${room} pixels`);
  }

  // Structure.
  if (document.documentElement.lang !== "en") wrong.push("the page has no language");
  const ranks = all("h1, h2, h3, h4, h5, h6").filter(shown).map((h) => [Number(h.tagName[1]), h]);
  if (ranks.filter(([rank]) => rank === 1).length !== 1) wrong.push("there is not one h1");
  if (ranks.length && ranks[0][0] !== 1) wrong.push("the first heading is no h1");
  ranks.forEach(([rank, h], i) => {
    if (i && rank > ranks[i - 1][0] + 1) wrong.push(`heading ${name(h)} leaves out a rank`);
    if (!h.textContent.trim()) wrong.push("a heading is empty");
  });
  for (const table of all("table")) {
    if (!table.querySelector("thead th[scope=col]")) wrong.push("a table has no column heads");
    for (const th of all("th", table)) if (!th.getAttribute("scope")) wrong.push(`${name(th)} has no scope`);
  }
  const ids = all("[id]").map((e) => e.id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => wrong.push(`two elements have the id ${id}`));
  for (const e of all("[aria-labelledby]")) {
    for (const id of e.getAttribute("aria-labelledby").split(" ")) if (!document.getElementById(id)) wrong.push(`nothing has the id ${id}`);
  }
  for (const a of all("a[href^='#']")) if (!document.getElementById(a.hash.slice(1))) wrong.push(`${name(a)} leads nowhere`);
  // The hint follows the scroll position a frame later.
  await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); setTimeout(done, 1000); });
  for (const box of all(".scroll")) {
    if (!shown(box)) continue;
    const hint = getComputedStyle(box, "::after");
    const cut = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
    if (cut && box.tabIndex !== 0) wrong.push("a box that scrolls cannot be reached with keys");
    if (cut && (hint.content === "none" || hint.opacity !== "1")) wrong.push(`${name(box)} is cut, and nothing shows it`);
    if (!cut && hint.content.includes("\u2192") && hint.opacity !== "0" && hint.display !== "none") wrong.push(`${name(box)} is whole, and an arrow says more follows`);
  }
  const headings = all("h2").map((h) => h.textContent.trim());
  for (const text of new Set(headings.filter((text, i) => headings.indexOf(text) !== i))) {
    wrong.push(`two parts are called ${text}`);
  }

  // Contrast, as in WCAG 2.1: 1.4.3 and 1.4.11.
  const color = (text) => {
    const m = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(text);
    return m ? [Number(m[1]), Number(m[2]), Number(m[3]), m[4] === undefined ? 1 : Number(m[4])] : null;
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const c = color(getComputedStyle(at).backgroundColor);
      if (c && c[3] > 0) layers.push(c);
      if (c && c[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const seen = new Set();
  const hold = (e, text, what, least) => {
    const c = color(text), back = behind(e);
    if (!c) return wrong.push(`${name(e)}: what color is ${text}?`);
    const ratio = contrast(over(c, back), back);
    const line = `${what} of ${text} on rgb(${back.slice(0, 3).map(Math.round)}): contrast ${ratio.toFixed(2)}, want ${least}`;
    if (ratio < least && !seen.has(line)) {
      seen.add(line);
      wrong.push(`${name(e)}: ${line}`);
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(e) || heard(e) || e.closest("title, desc")) continue;
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    hold(e, e.closest("svg") ? style.fill : style.color, "text", large ? 3 : 4.5);
    if (size < 9 && !matchMedia("print").matches) wrong.push(`${name(e)} is ${size} pixels small`);
    texts++;
  }
  if (!texts) wrong.push("there is no text");
  for (const path of all(".line, .kept")) if (shown(path)) hold(path, getComputedStyle(path).stroke, "line", 3);
  for (const bar of all(".middle")) if (shown(bar)) hold(bar, getComputedStyle(bar).fill, "bar", 3);
  if (matchMedia("print").matches && luminance(behind(document.body)) < 0.8) wrong.push("paper is printed dark");
  return wrong;
})()
