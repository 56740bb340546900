// The page works without this script. With it a picture can be dropped or pasted,
// and a change of a control is seen at once.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  if (!$("view")) return;
  document.documentElement.classList.add("scripted");
  const say = (text, wrong) => { $("status").textContent = text; $("status").classList.toggle("wrong", Boolean(wrong)); };

  let latest = 0;
  // show replaces the result, and the lists if they have changed, by those of a URL.
  async function show(url, push) {
    const turn = ++latest;
    say("Working …");
    try {
      const answer = await fetch(url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (turn !== latest) return;
      if (page.getElementById("content").dataset.kind !== $("content").dataset.kind) return location.assign(url); // a detector has other controls
      for (const id of ["result", "status"]) $(id).replaceWith(page.getElementById(id));
      for (const now of $("view").elements) {
        const next = now.id && page.getElementById(now.id);
        if (next && now.tagName === "SELECT" && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML;
        if (next && now.tagName === "INPUT" && now !== document.activeElement) now.value = next.value;
      }
      for (const name of ["picture", "object"]) {
        const field = $("view").elements.namedItem(name);
        if (field) field.value = new URL(url, location).searchParams.get(name) || "";
      }
      if (push) history.pushState(null, "", url);
    } catch (error) {
      if (turn === latest) say("The server does not answer: " + error.message, true);
    }
  }

  const url = () => "/?" + new URLSearchParams([...new FormData($("view"))].filter(([, value]) => value));

  async function send(file) {
    say("Sending the picture …");
    try {
      const answer = await fetch("/pictures", { method: "POST", body: file, headers: { Accept: "application/json", "Content-Type": "application/octet-stream" } });
      const body = await answer.json();
      if (!answer.ok) { // the result of another picture must not stand under this name
        $("view").elements.namedItem("picture").value = "";
        $("result").replaceChildren();
        return say((file.name ? file.name + ": " : "") + body.error, true);
      }
      $("view").elements.namedItem("picture").value = body.picture;
      const object = $("view").elements.namedItem("object");
      if (object) object.value = "";
      await show(url(), true);
    } catch (error) {
      say("The picture cannot be sent: " + error.message, true);
    }
  }

  $("view").addEventListener("submit", (e) => { e.preventDefault(); show(url(), true); });
  $("view").addEventListener("change", (e) => {
    if (e.target.id === "method") { // another method has other colors
      for (const id of ["colormap", "alpha"]) $(id).disabled = true;
      const to = url();
      for (const id of ["colormap", "alpha"]) $(id).disabled = false;
      show(to, true);
    } else if (e.target.id !== "tool") show(url(), true);
  });
  $("alpha").addEventListener("input", () => {
    const picture = $("overlay");
    if (!picture) return;
    const to = new URL(picture.src);
    to.searchParams.set("alpha", $("alpha").value);
    picture.src = to;
  });
  // A click on an object, or on its row, shows its map.
  document.addEventListener("click", (e) => {
    const link = e.target.closest?.("#result a.object");
    if (!link || e.button || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    show(link.getAttribute("href"), true);
  });
  $("reset")?.addEventListener("click", () => {
    for (const id of ["rotate", "blur", "crop", "patch"]) $(id).value = "";
    show(url(), true);
  });

  // A rectangle that is dragged on the picture is painted over, or is what is left.
  let mark = null, from = null;
  const place = (e) => {
    const box = $("photo").getBoundingClientRect();
    const at = (v, low, size) => Math.min(Math.max((v - low) / size * 100, 0), 100);
    return [at(e.clientX, box.left, box.width), at(e.clientY, box.top, box.height)];
  };
  const spanned = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
  document.addEventListener("pointerdown", (e) => {
    if (e.target.id !== "photo" || e.button || !$("patch")) return;
    e.preventDefault();
    from = place(e);
    mark = document.createElement("div");
    mark.className = "marked";
    $("photo").parentElement.append(mark);
  });
  document.addEventListener("pointermove", (e) => {
    if (!mark) return;
    const [x, y, w, h] = spanned(from, place(e));
    const img = $("photo");
    Object.assign(mark.style, { left: x / 100 * img.clientWidth + "px", top: y / 100 * img.clientHeight + "px", width: w / 100 * img.clientWidth + "px", height: h / 100 * img.clientHeight + "px" });
  });
  document.addEventListener("pointerup", (e) => {
    if (!mark) return;
    mark.remove();
    mark = null;
    let box = spanned(from, place(e));
    if (box[2] < 1 || box[3] < 1) return;
    if ($("tool").value === "crop") {
      const c = $("crop").value ? $("crop").value.split(",").map(Number) : [0, 0, 100, 100];
      box = [c[0] + box[0] * c[2] / 100, c[1] + box[1] * c[3] / 100, box[2] * c[2] / 100, box[3] * c[3] / 100];
      $("patch").value = "";
    }
    const text = box.map((v) => +v.toFixed(2)).join(",");
    if ($("tool").value === "crop") $("crop").value = text;
    else $("patch").value = [$("patch").value, text].filter(Boolean).join(";");
    show(url(), true);
  });

  $("choose").addEventListener("submit", (e) => { e.preventDefault(); if ($("picture").files[0]) send($("picture").files[0]); });
  $("picture").addEventListener("change", () => { if ($("picture").files[0]) send($("picture").files[0]); });
  document.addEventListener("paste", (e) => { const file = [...e.clipboardData.files].find((f) => f.type.startsWith("image/")); if (file) send(file); });
  const body = document.body;
  document.addEventListener("dragover", (e) => { e.preventDefault(); body.classList.add("dropping"); });
  document.addEventListener("dragleave", () => body.classList.remove("dropping"));
  document.addEventListener("drop", (e) => { e.preventDefault(); body.classList.remove("dropping"); if (e.dataTransfer.files[0]) send(e.dataTransfer.files[0]); });
  window.addEventListener("popstate", () => show(location.href, false));
})();
