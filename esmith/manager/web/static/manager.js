// Small helps for the pages. Every page works without them.
"use strict";

(() => {
  // On small screens the menu begins closed. On wide ones there is nothing to open it with.
  const menu = document.querySelector("[data-menu]");
  const isSmall = window.matchMedia("(max-width: 56rem)");
  const fold = () => { menu.open = !isSmall.matches; };
  if (menu) {
    fold();
    isSmall.addEventListener("change", fold);
  }

  const spell = (seconds) => {
    const left = Math.max(0, Math.round(seconds));
    return Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
  };

  // The time that is left until an unconfirmed change is restored.
  for (const place of document.querySelectorAll("[data-countdown]")) {
    const end = Date.now() + Number(place.dataset.countdown) * 1000;
    const show = () => {
      const left = (end - Date.now()) / 1000;
      place.textContent = spell(left);
      if (left > 0) setTimeout(show, 1000);
    };
    show();
  }

  // Fields that count only with some value of another field.
  const form = document.querySelector("form[data-fields]");
  const valuesOf = (name) => {
    const found = [...form.elements].filter((element) => element.name === "v." + name);
    return found.filter((e) => !["checkbox", "radio"].includes(e.type) || e.checked).map((e) => e.value);
  };
  const showFields = () => {
    for (const field of form.querySelectorAll("[data-shown-field]")) {
      const other = field.dataset.shownField;
      const wanted = JSON.parse(field.dataset.shownValues);
      const source = [...form.elements].some((element) => element.name === "v." + other);
      // What is wrong is named above the form, with a link to it.
      field.hidden = source && !field.classList.contains("wrong") && !valuesOf(other).some((value) => wanted.includes(value));
    }
  };
  if (form) {
    form.addEventListener("change", showFields);
    showFields();
    // What was typed is lost when another page is chosen, also another section: the browser asks before.
    let isTyped = Boolean(document.querySelector("[data-typed]"));
    form.addEventListener("input", () => { isTyped = true; });
    form.addEventListener("submit", () => { isTyped = false; });
    window.addEventListener("beforeunload", (event) => {
      if (!isTyped) return;
      event.preventDefault();
      // Browsers before 2023 ask only for this.
      event.returnValue = true;
    });
    // The button Back of the browser brings the form again as it was left.
    window.addEventListener("pageshow", (event) => { if (event.persisted) isTyped = true; });
  }

  // Names that fit into a field, while somebody types.
  for (const input of document.querySelectorAll("[data-suggest]")) {
    let wait = 0;
    input.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(async () => {
        const asked = input.value;
        const address = new URL(input.dataset.suggest, location.href);
        address.searchParams.set("q", asked);
        const answer = await fetch(address, { credentials: "same-origin" });
        if (!answer.ok || answer.redirected || input.value !== asked) return;
        const names = (await answer.json()).names || [];
        input.list.replaceChildren(...names.map((name) => new Option(name, name)));
      }, 250);
    });
  }

  // Where scripts run, what they do is named instead of the button that does it without them.
  for (const element of document.querySelectorAll("[data-with-script]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-without-script]")) element.hidden = true;

  // What is wrong with a form is read out first.
  const wrong = document.querySelector("[data-focus]");
  if (wrong) wrong.focus();

  // Before the session ends for idleness there is a warning, and a button that uses it.
  const idle = document.body.dataset.idleLeft;
  if (idle) warnBeforeEnd(Number(idle));

  function warnBeforeEnd(seconds) {
    const data = document.body.dataset;
    const early = Math.min(120, seconds / 2);
    const end = Date.now() + seconds * 1000;
    setTimeout(() => {
      const box = document.createElement("div");
      box.className = "notice warn session-end";
      box.setAttribute("role", "alert");
      const text = document.createElement("p");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = data.textStay;
      box.append(text, button);
      document.querySelector("main").append(box);
      text.textContent = data.textEnds.replace("%s", spell((end - Date.now()) / 1000));
      const over = setTimeout(() => {
        text.textContent = data.textEnded;
        button.remove();
      }, end - Date.now());
      button.addEventListener("click", async () => {
        const answer = await fetch(data.stay, {
          method: "POST", body: new URLSearchParams({ csrf: data.csrf }), credentials: "same-origin",
        }).catch(() => null);
        // There is no connection: the button stays, and may be pressed again.
        if (!answer) return;
        if (!answer.ok || answer.redirected || !String(answer.headers.get("content-type")).includes("json")) {
          text.textContent = data.textEnded;
          button.remove();
          return;
        }
        clearTimeout(over);
        box.remove();
        warnBeforeEnd((await answer.json()).idle_left || seconds);
      });
    }, Math.max(0, (seconds - early) * 1000));
  }

  // The progress of a job: lines as they come; a lost connection goes on where it was.
  const log = document.querySelector("[data-follow]");
  if (log && window.EventSource) {
    const source = new EventSource(log.dataset.follow);
    source.addEventListener("line", (event) => {
      const line = JSON.parse(event.data);
      log.append((line.kind === "step" ? "\u2022 " : "") + line.text + "\n");
      log.scrollTop = log.scrollHeight;
    });
    // An answer that is no stream: the session or the helper has ended, and the browser does not ask again by itself.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
    });
    source.addEventListener("end", () => {
      source.close();
      location.reload();
    });
  }
})();
