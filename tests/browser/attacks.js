// What a page may try against other origins. Each answers with what it got, as text or numbers, and never throws.
window.attacks = {
  read: async (url, options) => {
    try {
      const answer = await fetch(url, options);
      return [answer.type, answer.status, await answer.text()];
    } catch (error) {
      return ["refused", 0, String(error)];
    }
  },

  frame: async (url) => {
    const frame = document.createElement("iframe");
    const loaded = new Promise((resolve) => {
      frame.onload = frame.onerror = resolve;
    });
    frame.src = url;
    document.body.append(frame);
    await loaded;
    try {
      return String(frame.contentDocument?.body.innerText ?? "of another origin");
    } catch (error) {
      return error.name;
    }
  },

  openWindow: (url) => {
    window.other = window.open(url);
  },

  readWindow: () => {
    try {
      return window.other.closed ? "closed" : String(window.other.document.body.innerText);
    } catch (error) {
      return error.name;
    }
  },

  // The code that the socket closes with, or what it says.
  socket: (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve("open");
      socket.onmessage = ({ data }) => resolve(String(data));
      socket.onclose = ({ code }) => resolve(code);
    }),

  // Cookies for the whole site, and of names that belong to others; then more than a server of Node takes.
  plantCookies: (names, site) => {
    const wide = [`domain=${site}; path=/`, `domain=${site}; path=/dashboard/agents; secure`, "path=/; secure"];
    for (const name of names) for (const rest of wide) document.cookie = `${name}=by-a-script; ${rest}`;
    // biome-ignore lint/suspicious/noDocumentCookie: the attack is this one
    document.cookie = `=__Host-session=nameless; domain=${site}; path=/`;
    for (let n = 0; n < 30; n++) document.cookie = `fill${n}=${"x".repeat(1000)}; domain=${site}; path=/`;
    return document.cookie;
  },

  keep: async (word) => {
    localStorage.setItem("word", word);
    sessionStorage.setItem("word", word);
    const cache = await caches.open(word);
    await cache.put("/word", new Response(word));
    await new Promise((resolve) => {
      const asked = indexedDB.open(word, 1);
      asked.onsuccess = () => {
        asked.result.close();
        resolve();
      };
    });
  },

  kept: async () =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, await caches.keys(), await indexedDB.databases()]),

  listen: () => {
    window.heard = [];
    const note = ({ data }) => window.heard.push(data);
    window.channel = new BroadcastChannel("x");
    window.channel.onmessage = note;
    window.addEventListener("message", note);
  },

  say: (word) => {
    const channel = new BroadcastChannel("x");
    channel.postMessage(word);
    channel.close();
  },

  heard: () => window.heard,

  registerWorker: async (url, scope) => {
    try {
      return (await navigator.serviceWorker.register(url, { scope })).scope;
    } catch (error) {
      return error.name;
    }
  },

  registerBlob: () => attacks.registerWorker(URL.createObjectURL(new Blob(["self.x = 1"]))),

  workers: async () => (await navigator.serviceWorker.getRegistrations()).length,

  relax: (site) => {
    try {
      document.domain = site;
    } catch (error) {
      return error.name;
    }
    return document.domain;
  },
};
