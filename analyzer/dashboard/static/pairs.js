// The pairs browser: arrow keys go to the neighbours of a pair, and times tell the viewer's own clock.
"use strict";
(() => {
  const go = { ArrowLeft: "before", ArrowRight: "after" };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = document.getElementById(go[event.key]);
    const focused = document.activeElement;
    // Who types, or scrolls code sideways, means something else.
    if (!link || (focused && focused.matches("input, select, textarea, pre, .scroll, [contenteditable]"))) return;
    event.preventDefault();
    link.click();
  });

  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = `${at.toLocaleString()} by your clock`;
  }
})();
