"use strict";

const LARGEST = 4.5e6; // bytes; larger photos are made smaller before they are sent
const SIDE = 2560; // pixels of the longer side of a photo that was made smaller
const NAMES = {
  face: "Faces", keypoints: "Points", pose: "Pose", age: "Age", gender: "Gender", emotions: "Emotions", mask: "Mask",
  liveness: "Liveness", quality: "Quality", template: "Template", body: "Bodies",
};
const UNCHECKED = ["template", "body"];
const WORDS = {
  401: "This server asks for an API key.", 413: "The photo is too large for this server.",
  503: "The server cannot answer at the moment", 504: "The server took too long.",
};
const $ = (id) => document.getElementById(id);
const percent = (value) => `${Math.round(value * 100)} %`;
let shown = null; // the photo on the canvas: { file, image, objects }
let running = new AbortController();
let retry = null; // what to do again once there is a key

function element(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

/** Where in a request something is wrong, in words. */
function place([, ...path]) {
  return path[0] === "samples" && path.length > 1 ? `${path[1] ? "Second" : "First"} photo` : path.join(".") || "Request";
}

function told(detail) {
  if (!Array.isArray(detail)) return String(detail ?? "");
  return detail.map((each) => `${place(each.loc || [])}: ${each.msg}`).join("\n");
}

async function api(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error("The server does not answer.");
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  if (response.status === 401) $("key").hidden = false;
  const detail = told(body.detail);
  throw new Error(response.status === 503 ? `${WORDS[503]}: ${detail}` : WORDS[response.status] || detail || "Something went wrong.");
}

/** Runs `work`; what goes wrong is told in `place`, and done again once there is a key. */
async function guarded(place, work) {
  place.hidden = true;
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    place.textContent = error.message;
    place.hidden = false;
    if (!$("key").hidden) { retry = () => guarded(place, work); $("secret").focus(); }
  }
}

async function opened(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  await image.decode().catch(() => { throw new Error("This is not a picture that this browser can show."); });
  return image;
}

/** The file, or a smaller JPEG of it. */
async function prepared(file, image) {
  if (file.size <= LARGEST) return file;
  const scale = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = element("canvas", "", { width: image.naturalWidth * scale, height: image.naturalHeight * scale });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
}

const chosen = () => [...document.querySelectorAll("#outputs input:checked")].map((box) => box.value);

function facts(object) {
  const asked = new Set(chosen()), lines = [];
  const first = [object.gender, object.age && `${object.age} years`].filter(Boolean).join(", ");
  if (first) lines.push(first);
  if (object.emotions) {
    const top = object.emotions.reduce((one, other) => (other.confidence > one.confidence ? other : one));
    lines.push(`${top.emotion} ${percent(top.confidence)}`);
  }
  const mask = object.has_medical_mask, live = object.liveness;
  if (mask) lines.push(mask.value ? `mask ${percent(mask.confidence)}` : "no mask");
  if (live) lines.push(live.value === "real" ? `live ${percent(live.confidence)}` : `not live ${percent(1 - live.confidence)}`);
  if (object.quality) lines.push(`quality ${percent(object.quality.total_score)}`);
  if (object.pose && asked.has("pose")) {
    const { yaw, pitch, roll } = object.pose;
    lines.push(`yaw ${Math.round(yaw)}°, pitch ${Math.round(pitch)}°, roll ${Math.round(roll)}°`.replaceAll("-", "−"));
  }
  return lines;
}

function draw() {
  if (!shown || $("canvas").hidden) return;
  const canvas = $("canvas"), pen = canvas.getContext("2d"), { image, objects } = shown;
  const ratio = image.naturalWidth / image.naturalHeight, unit = devicePixelRatio || 1;
  const side = Math.min($("stage").clientWidth, 0.8 * innerHeight * ratio); // a tall photo is seen whole
  const width = Math.round(side * unit), height = Math.round(width / ratio);
  Object.assign(canvas, { width, height });
  canvas.style.width = `${side}px`;
  pen.drawImage(image, 0, 0, width, height);
  const many = objects.length > 4, asked = new Set(chosen());
  const order = [...objects.entries()].sort(([, one], [, other]) => one.class.localeCompare(other.class)); // bodies first
  order.forEach(([index, object]) => {
    const [left, top, right, bottom] = object.bbox.map((value, at) => value * (at % 2 ? height : width));
    const colour = object.class === "body" ? "#ffb454" : "#3cc4bb";
    for (const [style, line] of [["#0009", 4], [colour, 2]]) {
      Object.assign(pen, { strokeStyle: style, lineWidth: line * unit });
      pen.strokeRect(left, top, right - left, bottom - top);
    }
    const points = asked.has("keypoints") ? Object.values(object.keypoints || {}).filter((each) => each.proj) : [];
    const radius = Math.max(1.2 * unit, Math.min(3 * unit, (right - left) / 60));
    for (const { proj: [x, y] } of points) {
      pen.beginPath();
      pen.arc(x * width, y * height, radius, 0, 7);
      Object.assign(pen, { fillStyle: "#fff", strokeStyle: "#000a", lineWidth: unit });
      pen.fill();
      pen.stroke();
    }
    const lines = many || object.class === "body" ? [] : facts(object);
    label(pen, unit, [String(index + 1), ...lines], colour, { left, top, right, bottom });
  });
}

/** Writes `lines` beside a box where there is room: right of it, left of it, or below. */
function label(pen, unit, lines, colour, box) {
  const { width, height } = pen.canvas, size = (width / unit < 480 ? 11 : 13) * unit, gap = 4 * unit, step = size * 1.35;
  pen.font = `600 ${size}px system-ui, sans-serif`;
  const wide = Math.max(...lines.map((line) => pen.measureText(line).width)) + 2 * gap, high = lines.length * step + gap;
  const within = (value, most) => Math.max(0, Math.min(value, most));
  let [x, y] = [box.right + gap, box.top];
  if (lines.length === 1) [x, y] = [box.left, box.top - high];
  else if (x + wide > width && box.left - gap - wide >= 0) x = box.left - gap - wide;
  else if (x + wide > width) [x, y] = [box.left, box.bottom + gap];
  [x, y] = [within(x, width - wide), within(y, height - high)];
  pen.fillStyle = "#0b1416d0";
  pen.fillRect(x, y, wide, high);
  lines.forEach((line, at) => {
    pen.fillStyle = at ? "#fff" : colour;
    pen.fillText(line, x + gap, y + gap / 2 + size + at * step);
  });
}

function tell(answer, spent) {
  const objects = answer.objects, found = [["face", "faces"], ["body", "bodies"]].flatMap(([kind, several]) => {
    const many = objects.filter((each) => each.class === kind).length;
    return many ? [`${many} ${many === 1 ? kind : several}`] : [];
  });
  $("state").textContent = `Found ${found.join(", ") || "no one"} in ${spent} ms.`;
  $("facts").replaceChildren(...objects.map((object, index) => {
    const item = element("li");
    item.append(element("b", `${index + 1}`), `${object.class} ${percent(object.confidence)}`);
    item.append(element("div", facts(object).join(" · "), { className: "soft" }));
    return item;
  }));
  const times = Object.entries(answer.timings || {});
  $("times").hidden = !times.length;
  document.querySelector("#times dl").replaceChildren(
    ...times.flatMap(([name, value]) => [element("dt", name), element("dd", `${value.toFixed(1)} ms`)]));
  const short = (name, value) => (name === "blob" ? `${value.slice(0, 24)}… (${value.length} characters)` : value);
  $("raw").hidden = false;
  document.querySelector("#raw pre").textContent = JSON.stringify(answer, short, 2);
  if (answer.errors) throw new Error(answer.errors.map((each) => `${each.node}: ${told(each.detail)}`).join("\n"));
}

const look = () => guarded($("problem"), async () => {
  if (!shown) return;
  if (!chosen().length) throw new Error("Choose at least one thing to find.");
  running.abort();
  running = new AbortController();
  const form = new FormData(), start = performance.now();
  form.append("image", await prepared(shown.file, shown.image), "photo");
  $("state").textContent = "Looking…";
  const query = new URLSearchParams({ outputs: chosen(), timings: true, echo: false, on_failure: "partial" });
  try {
    const answer = await api(`graph/v2/process/image?${query}`, { method: "POST", body: form, signal: running.signal });
    shown.objects = answer.objects;
    tell(answer, Math.round(performance.now() - start));
  } catch (error) {
    if ($("state").textContent === "Looking…" && error.name !== "AbortError") $("state").textContent = "";
    throw error;
  } finally {
    draw();
  }
});

const show = (file) => guarded($("problem"), async () => {
  stopCamera();
  shown = { file, image: await opened(file), objects: [] };
  $("hint").hidden = true;
  $("canvas").hidden = false;
  $("stage").classList.add("full");
  $("facts").replaceChildren();
  draw();
  await look();
});

function stopCamera() {
  const video = $("video");
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  video.hidden = $("shoot").hidden = true;
  $("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  $("canvas").hidden = !shown;
}

const startCamera = () => guarded($("problem"), async () => {
  const video = $("video");
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 } })
    .catch(() => { throw new Error("The camera cannot be used: there is none, or it was not allowed."); });
  $("canvas").hidden = $("hint").hidden = $("camera").hidden = true;
  video.hidden = $("shoot").hidden = false;
  await video.play();
});

function shoot() {
  const video = $("video"), canvas = element("canvas", "", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((photo) => show(photo), "image/jpeg", 0.92);
}

/** Hands `taken` the files that are chosen in `input` or dropped on `place`. */
function takesFiles(place, input, taken) {
  const first = (files) => files?.[0] && taken(files[0]);
  input.addEventListener("change", () => { first(input.files); input.value = ""; });
  for (const name of ["dragover", "dragleave", "drop"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.toggle("over", name === "dragover");
      if (name === "drop") first(event.dataTransfer.files);
    });
  }
}

const outputs = () => guarded($("problem"), async () => {
  const known = new Set((await api("graph")).outputs);
  $("outputs").replaceChildren(...Object.keys(NAMES).filter((name) => known.has(name)).map((name) => {
    const box = element("input", "", { type: "checkbox", value: name, checked: !UNCHECKED.includes(name) });
    const choice = element("label");
    box.addEventListener("change", look);
    choice.append(box, NAMES[name]);
    return choice;
  }));
});

$("key").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", $("secret").value);
  $("key").hidden = true;
  retry?.();
});
$("camera").addEventListener("click", startCamera);
$("shoot").addEventListener("click", shoot);
$("example").addEventListener("click", async () => show(await (await fetch("static/astronaut.jpg")).blob()));
takesFiles($("stage"), $("file"), show);
new ResizeObserver(draw).observe($("stage"));
stopCamera();
outputs();
