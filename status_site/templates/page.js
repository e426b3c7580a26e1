"use strict";
// Past valid_until nobody may be told a grade: withdraw it, and say so.
(() => {
  const until = Date.parse(document.documentElement.dataset.validUntil);
  const withdraw = () => {
    if (!(Date.now() > until)) return false;
    for (const claim of document.querySelectorAll(".current")) claim.hidden = true;
    document.getElementById("expired").hidden = false;
    document.title = "Out of date: " + document.title;
    return true;
  };
  if (!withdraw()) {
    const timer = setInterval(() => withdraw() && clearInterval(timer), 30000);
  }
})();
