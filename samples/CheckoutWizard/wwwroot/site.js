// A second click sends nothing. Without JavaScript every form still works, and a second click is harmless.
function setButtons(form, disabled) {
  for (const element of form.elements) {
    if (element.type === "submit") {
      element.disabled = disabled;
    }
  }
}

// A disabled button is not among the values that are sent, so the buttons of the shop have no name.
addEventListener("submit", event => {
  if (!event.defaultPrevented) {
    setButtons(event.target, true);
  }
});

// A page from the back/forward cache, or restored after a reload, may still have its buttons disabled.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    setButtons(form, false);
  }
});
