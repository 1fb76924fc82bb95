// Light, dark, or as the system says; remembered in this browser. Runs before the first paint, so that nothing flashes.
"use strict";
(() => {
  const THEMES = ["auto", "light", "dark"];
  const root = document.documentElement;
  let theme = "auto";
  try {
    theme = localStorage.getItem("shadowbench.theme") ?? "auto";
  } catch {
    // No storage, no memory.
  }
  if (!THEMES.includes(theme)) theme = "auto";
  const apply = () => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const now = document.getElementById("theme-now");
    if (!button || !now) return;
    const show = () => {
      now.textContent = theme;
    };
    show();
    button.hidden = false;
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      try {
        localStorage.setItem("shadowbench.theme", theme);
      } catch {
        // It holds for this page all the same.
      }
      apply();
      show();
    });
  });
})();
