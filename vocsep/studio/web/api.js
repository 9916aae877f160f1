// The studio's server: requests that say in one line what went wrong.

const BASE = new URL("api/", document.baseURI).href;

export class ApiError extends Error {}

async function answered(answer) {
  const plain = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(plain.error || `the studio answered ${answer.status}`);
  return plain;
}

async function asked(request) {
  try {
    return await request;
  } catch {
    throw new ApiError("the studio does not answer: is it still running in its terminal?");
  }
}

export const api = {
  base: BASE,
  get: async (path) => answered(await asked(fetch(BASE + path))),
  post: async (path, plain = {}) =>
    answered(
      await asked(
        fetch(BASE + path, {
          method: "POST",
          headers: { "X-Vocsep": "1", "Content-Type": "application/json" },
          body: JSON.stringify(plain),
        }),
      ),
    ),

  /** Send a file; `told` gets the share that is sent. */
  upload: (file, told) =>
    new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${BASE}upload?name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("X-Vocsep", "1");
      request.upload.onprogress = (event) => told(event.loaded / Math.max(event.total, 1));
      request.onerror = () => failed(new ApiError("the file could not be sent"));
      request.onload = () => {
        let plain = {};
        try {
          plain = JSON.parse(request.responseText);
        } catch {
          // An answer that is no JSON is an error below.
        }
        if (request.status < 300) done(plain);
        else failed(new ApiError(plain.error || `the studio answered ${request.status}`));
      };
      request.send(file);
    }),
};
