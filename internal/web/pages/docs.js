// Starts Swagger UI on the description named by the page.
const root = document.getElementById('swagger-ui');

SwaggerUIBundle({
  url: root.dataset.spec,
  domNode: root,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  // Tokens stay in memory, and no validator on another host is asked.
  persistAuthorization: false,
  validatorUrl: null,
});
