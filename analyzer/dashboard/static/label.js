// The labelling page: a choice is stored the moment it is made; one that could not be stored is kept and sent again.
"use strict";
(() => {
  document.querySelectorAll("#choice select").forEach((select) => {
    select.addEventListener("change", () => {
      // Another candidate has rubrics of its own.
      if (select.name === "candidate") document.querySelector("#choice [name=rubric]")?.setAttribute("disabled", "");
      document.getElementById("choice").submit();
    });
  });

  const task = document.getElementById("task");
  const bar = document.getElementById("choices");
  if (!task || !bar) return;

  const said = document.getElementById("said");
  const trouble = document.getElementById("trouble");
  const reason = document.getElementById("reason");
  const reasonBox = document.getElementById("reason-box");
  const reasonOpen = document.getElementById("reason-open");
  const buttons = [...bar.querySelectorAll("[data-choice]")];
  const undo = bar.querySelector("[data-choice=undo]");

  const { candidate, rubric, pairs, who } = task.dataset;
  const place = new URLSearchParams({ candidate, rubric, pairs }).toString();
  const MEMORY = `shadowbench.label.${who}.${candidate}.${rubric}`;
  const HISTORY_LENGTH = 50;
  const FIRST_PAUSE_MS = 1000;
  const LONGEST_PAUSE_MS = 10000;
  const PATIENCE_MS = 30000;
  const LOOK_FOR_MORE_MS = 30000;

  // What a reload must not lose: the choice that is not stored yet, the reason being written, what can be undone.
  const memory = { pending: null, drafts: {}, history: [] };
  try {
    Object.assign(memory, JSON.parse(sessionStorage.getItem(MEMORY) ?? "{}"));
  } catch {
    // Nothing is remembered.
  }
  const remember = () => {
    try {
      sessionStorage.setItem(MEMORY, JSON.stringify(memory));
    } catch {
      // Full, or forbidden: the page works without.
    }
  };

  let isBusy = false;
  let moreTimer = null;

  const current = () => task.querySelector(".task");
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  const say = (text, isBad = false) => {
    if (said.textContent !== text) said.textContent = text;
    said.classList.toggle("bad", isBad);
  };

  const element = (tag, text, kind) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  // Above the pair in full; a repeated line is not said again.
  const showTrouble = (head, rest, detail) => {
    const line = element("p", "");
    line.append(element("strong", head), ` ${rest}`);
    const parts = [line, element("p", detail, "small")];
    const text = parts.map((part) => part.textContent).join("\n");
    if (trouble.hidden || trouble.dataset.text !== text) trouble.replaceChildren(...parts);
    trouble.dataset.text = text;
    trouble.hidden = false;
  };

  const clearTrouble = () => {
    trouble.hidden = true;
    trouble.replaceChildren();
  };

  const clock = (iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;

  // {ok: the answer} | {again: why} | {never: why}
  const ask = async (path, options) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(path, {
        ...options,
        signal: controller.signal,
        headers: { Accept: "application/json", ...(options?.headers ?? {}) },
      });
      const body = await answer.json();
      if (answer.ok) return { ok: body };
      const text = body.error ?? `the server answered ${answer.status}`;
      if (answer.status >= 500 || answer.status === 429) return { again: text, since: body.since };
      return { never: text, isLogin: answer.status === 401 };
    } catch {
      return { again: "the dashboard does not answer" };
    } finally {
      clearTimeout(timer);
    }
  };

  // Asks until there is an answer; what is pending stays in memory meanwhile.
  const askUntilAnswered = async (path, options, kept) => {
    let pauseMs = FIRST_PAUSE_MS;
    let since = null;
    for (;;) {
      const found = await ask(path, options);
      if (!found.again) return found;
      since = since ?? found.since ?? new Date().toISOString();
      const rest = kept
        ? "Your choice is kept here and is stored as soon as it is back; do not close this tab."
        : "This page goes on by itself as soon as it is back.";
      showTrouble(`The store has not answered since ${clock(found.since ?? since)}.`, rest, found.again);
      if (kept) say("Not stored yet; it is tried again", true);
      await pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  };

  const enable = () => {
    const isOpen = !isBusy && current() !== null;
    for (const button of buttons) button.disabled = button === undo ? isBusy || memory.history.length === 0 : !isOpen;
    bar.setAttribute("aria-busy", String(isBusy));
  };

  const mark = (choice) => {
    for (const button of buttons) button.classList.toggle("chosen", button.dataset.choice === choice);
  };

  const openReason = (isOpen) => {
    reasonBox.hidden = !isOpen;
    reasonOpen.setAttribute("aria-expanded", String(isOpen));
  };

  // Puts the next pair in place of the old one. The text comes from our own template, in which every value is escaped.
  const show = (html, isFirst = false) => {
    if (!isFirst) task.innerHTML = html;
    clearTimeout(moreTimer);
    bar.hidden = false;
    const request = current()?.dataset.request;
    reason.value = (request && memory.drafts[request]) || "";
    openReason(reason.value !== "");
    mark(null);
    enable();
    if (!isFirst) {
      // To the begin of the pair, if it is above; what stands over it is seen where it was wanted.
      window.scrollTo({ top: Math.min(scrollY, scrollY + task.getBoundingClientRect().top - 8) });
      document.getElementById("prompt-title")?.focus({ preventScroll: true });
    }
    document.getElementById("show-skipped")?.addEventListener("click", showSkipped);
    if (!request) moreTimer = setTimeout(lookForMore, LOOK_FOR_MORE_MS);
  };

  const next = async () => {
    const found = await askUntilAnswered(`/label/next?${place}`, {}, false);
    if (found.never) return refuse(found);
    clearTrouble();
    return show(found.ok.html);
  };

  const refuse = (found) => {
    const rest = found.isLogin ? "Log in again in another tab, then choose once more." : "";
    showTrouble(found.isLogin ? "You are logged out." : "This could not be stored.", rest, found.never);
    say("Not stored", true);
  };

  const send = async (message, earlier) => {
    isBusy = true;
    memory.pending = message;
    remember();
    say(""); // the same words again would not be heard
    mark(message.choice);
    enable();
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(message),
    };
    const found = await askUntilAnswered("/label/answers", options, true);
    memory.pending = null;
    isBusy = false;
    if (found.never) {
      remember();
      refuse(found);
      mark(null);
      enable();
      return;
    }
    clearTrouble();
    if (message.choice === "undo") {
      memory.history.pop();
      if (earlier?.reason) memory.drafts[message.request] = earlier.reason;
    } else {
      memory.history.push({ request: message.request, choice: message.choice, reason: message.reason });
      memory.history.splice(0, memory.history.length - HISTORY_LENGTH);
      delete memory.drafts[message.request];
    }
    remember();
    if (found.ok.html === null) {
      isBusy = true;
      enable();
      await next();
      isBusy = false;
      enable();
    } else {
      show(found.ok.html);
    }
    say(found.ok.said);
    if (message.choice === "undo" && earlier && current()?.dataset.request === message.request) mark(earlier.choice);
  };

  const choose = (choice) => {
    if (isBusy) return;
    if (choice === "undo") {
      const earlier = memory.history[memory.history.length - 1];
      if (earlier) send({ request: earlier.request, candidate, rubric, pairs, choice: "undo" }, earlier);
      return;
    }
    const shown = current();
    if (!shown) return;
    const { request, submission } = shown.dataset;
    const words = choice === "skip" ? "" : reason.value.trim();
    send({ request, candidate, rubric, pairs, choice, submission, reason: words });
  };

  const showSkipped = async () => {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
    const found = await askUntilAnswered(`/label/skipped?${place}`, options, false);
    if (found.never) return refuse(found);
    clearTrouble();
    return show(found.ok.html);
  };

  const lookForMore = async () => {
    const found = await ask(`/label/next?${place}`, {});
    if (found.ok && !current()) {
      const holder = document.createElement("template");
      holder.innerHTML = found.ok.html;
      if (holder.content.querySelector(".task")) return show(found.ok.html);
    }
    moreTimer = setTimeout(lookForMore, LOOK_FOR_MORE_MS);
    return undefined;
  };

  const KEYS = { 1: "first", ArrowLeft: "first", 2: "second", ArrowRight: "second", 0: "tie", " ": "tie", s: "skip", S: "skip", u: "undo", U: "undo" };

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (at === reason) {
      if (event.key === "Escape") {
        reason.blur();
        document.getElementById("prompt-title")?.focus({ preventScroll: true });
      }
      return;
    }
    if (at.closest("input, textarea, select, [contenteditable]")) return;
    // Space presses the button, link or summary that has the focus; arrows scroll the part that has it.
    if (event.key === " " && at.closest("button, a, summary")) return;
    if (event.key.startsWith("Arrow") && at.matches("[tabindex='0']")) return;
    if (event.key === "r" || event.key === "R") {
      event.preventDefault();
      openReason(true);
      reason.focus();
      return;
    }
    const choice = KEYS[event.key];
    if (!choice) return;
    event.preventDefault();
    choose(choice);
  });

  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.choice));
  bar.addEventListener("submit", (event) => event.preventDefault());
  reasonOpen.addEventListener("click", () => {
    openReason(reasonBox.hidden);
    if (!reasonBox.hidden) reason.focus();
  });
  reason.addEventListener("input", () => {
    const request = current()?.dataset.request;
    if (request) memory.drafts[request] = reason.value;
    remember();
  });
  window.addEventListener("beforeunload", (event) => {
    if (memory.pending) event.preventDefault();
  });

  const start = async () => {
    show(null, true);
    if (memory.pending) {
      const { pending } = memory;
      await send(pending, pending.choice === "undo" ? memory.history[memory.history.length - 1] : undefined);
    } else if (!trouble.hidden) {
      isBusy = true;
      enable();
      await next();
      isBusy = false;
      enable();
    }
  };
  start();
})();
