"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // by default it asks a server elsewhere whether the document is valid
  persistAuthorization: false,
});
