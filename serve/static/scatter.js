// A region that is drawn on the scatter becomes the region of the filter.
(() => {
  "use strict";
  const plot = document.getElementById("scatter");
  if (!plot) return;
  const area = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
  let corners = null, drawn = false;
  const place = (e) => {
    const box = plot.getBoundingClientRect();
    return [(e.clientX - box.left) / box.width * 104 - 2, (e.clientY - box.top) / box.height * 104 - 2];
  };
  plot.addEventListener("pointerdown", (e) => {
    if (e.button) return;
    e.preventDefault();
    corners = [place(e)];
    drawn = false;
  });
  document.addEventListener("pointermove", (e) => {
    if (!corners || corners.length > 300) return;
    const at = place(e), last = corners[corners.length - 1];
    if (Math.hypot(at[0] - last[0], at[1] - last[1]) < 1) return;
    corners.push(at);
    if (corners.length > 2) {
      drawn = true;
      plot.append(area);
      area.setAttribute("points", corners.map((c) => c.join(",")).join(" "));
    }
  });
  document.addEventListener("pointerup", () => {
    if (drawn) {
      document.getElementById("region").value = corners.map((c) => c.map((v) => v.toFixed(1)).join(",")).join(";");
      const form = document.getElementById("filter");
      form.action = "#grid";
      form.submit();
    }
    corners = null;
  });
  plot.addEventListener("click", (e) => { if (!drawn && e.target.dataset.url) location.href = e.target.dataset.url; });
})();
