// The page works without this script. With it a picture can be dropped or pasted,
// and a change of a control is seen at once.
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  if (!$("view")) return;
  document.documentElement.classList.add("scripted");
  const say = (text) => { $("status").textContent = text; };

  let latest = 0;
  // show replaces the result, and the lists if they have changed, by those of a URL.
  async function show(url, push) {
    const turn = ++latest;
    say("Working …");
    try {
      const answer = await fetch(url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (turn !== latest) return;
      for (const id of ["result", "status"]) $(id).replaceWith(page.getElementById(id));
      for (const now of $("view").elements) {
        const next = now.id && page.getElementById(now.id);
        if (next && now.tagName === "SELECT" && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML;
        if (next && now.type === "range" && now !== document.activeElement) now.value = next.value;
      }
      $("view").elements.namedItem("picture").value = new URL(url, location).searchParams.get("picture") || "";
      if (push) history.pushState(null, "", url);
    } catch (error) {
      if (turn === latest) say("The server does not answer: " + error.message);
    }
  }

  const url = () => "/?" + new URLSearchParams(new FormData($("view")));

  async function send(file) {
    say("Sending the picture …");
    try {
      const answer = await fetch("/pictures", { method: "POST", body: file, headers: { Accept: "application/json", "Content-Type": "application/octet-stream" } });
      const body = await answer.json();
      if (!answer.ok) return say(body.error);
      $("view").elements.namedItem("picture").value = body.picture;
      await show(url(), true);
    } catch (error) {
      say("The picture cannot be sent: " + error.message);
    }
  }

  $("view").addEventListener("submit", (e) => { e.preventDefault(); show(url(), true); });
  $("view").addEventListener("change", (e) => {
    if (e.target.id === "method") { // another method has other colours
      for (const id of ["colormap", "alpha"]) $(id).disabled = true;
      const to = url();
      for (const id of ["colormap", "alpha"]) $(id).disabled = false;
      show(to, true);
    } else if (e.target.id !== "picture") show(url(), true);
  });
  $("alpha").addEventListener("input", () => {
    const picture = $("overlay");
    if (!picture) return;
    const to = new URL(picture.src);
    to.searchParams.set("alpha", $("alpha").value);
    picture.src = to;
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
