# One image for every role: ROLE says which it is. Development servers and the sandbox's helpers (src/dev) stay out.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# scripts/install.mjs says why this is not npm ci.
RUN npm install --no-save --include=dev
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --no-save --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production DATA_DIR=/var/lib/upslink SPOOL_DIR=/var/lib/upslink/spool
WORKDIR /app
RUN install -d -o node -g node -m 700 /var/lib/upslink
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
COPY docker/healthcheck.js docker/healthcheck.js
USER node
VOLUME /var/lib/upslink
EXPOSE 4400
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 CMD ["node", "docker/healthcheck.js"]
# No shell and no npm between: SIGTERM reaches the service, which stops in order.
CMD ["node", "bin/upslink.js", "serve"]
