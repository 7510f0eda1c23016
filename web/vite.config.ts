import { fileURLToPath } from "node:url";
import { type Connect, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Where `npm run dev` and `npm run preview` find a running server. */
const server = "http://127.0.0.1:7880";
const proxy = Object.fromEntries(
  ["/whip", "/whep", "/dev", "/v1", "/docs", "/metrics", "/twirp"].map((path) => [path, server]),
);

/** The server maps `/broadcast`, `/watch/{room}` and the like to pages; so must Vite's own servers. */
function pageRoutes(): Plugin {
  const rewrite: Connect.NextHandleFunction = (request, _response, next) => {
    const [path = "/", query] = (request.url ?? "/").split("?", 2);
    const isPage = path === "/broadcast" || path === "/network" || path === "/dashboard";
    const ofRoom = /^\/(watch|call)\/[^/]+$/.exec(path)?.[1];
    const target = isPage ? `${path}.html` : ofRoom !== undefined ? `/${ofRoom}.html` : path;
    request.url = query === undefined ? target : `${target}?${query}`;
    next();
  };
  return {
    name: "sluice-page-routes",
    configureServer: ({ middlewares }) => void middlewares.use(rewrite),
    configurePreviewServer: ({ middlewares }) => void middlewares.use(rewrite),
  };
}

export default defineConfig({
  appType: "mpa",
  plugins: [pageRoutes()],
  build: {
    outDir: "../api/static",
    emptyOutDir: true,
    // The server's content security policy has no `data:` for scripts and styles: keep every asset a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // livekit-client is that large, and loaded by the Call page alone, once it is shown.
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      input: {
        index: page("index.html"),
        broadcast: page("broadcast.html"),
        watch: page("watch.html"),
        network: page("network.html"),
        dashboard: page("dashboard.html"),
        call: page("call.html"),
      },
    },
  },
  server: { proxy: { ...proxy, "/rtc": { target: server, ws: true } } },
  preview: { proxy: { ...proxy, "/rtc": { target: server, ws: true } } },
  test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 5000 },
});
