// Ours: shows the API's own document; asks no server but this one.
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "/schema/openapi.json",
    dom_id: "#page",
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
});
