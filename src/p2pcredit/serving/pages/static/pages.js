// Pages work without this. With it, filters go at once, and Escape leaves a search.
"use strict";
for (const select of document.querySelectorAll("form.line select[name=rows], select[data-goes]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
for (const select of document.querySelectorAll("form.line select[name=compare]")) {
  const value = select.form.querySelector("input[name=value]:not([type=hidden])");
  const follow = () => { value.disabled = false; value.readOnly = select.value === "missing"; };
  select.addEventListener("change", follow);
  follow();
}
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    const find = document.getElementById("find-loan");
    if (find) { event.preventDefault(); find.focus(); }
  }
});
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) { button.setAttribute("aria-busy", "true"); }
  });
}
