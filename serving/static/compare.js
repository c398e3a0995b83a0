"use strict"; // goes on where try.js ends

const SAME = 0.85; // the score from which on two faces count as one person's

const base64 = (file) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(",")[1]);
  reader.readAsDataURL(file);
});

const pair = [null, null]; // the photos to compare: { file, image, place }

const choose = (place, index) => (file) => guarded($("difference"), async () => {
  const image = await opened(file);
  image.alt = index ? "The second photo" : "The first photo";
  pair[index] = { file: await prepared(file, image), image, place };
  place.querySelectorAll("img, .frame").forEach((old) => old.remove());
  place.querySelector("span").hidden = true;
  place.classList.add("full");
  place.append(image);
  await compare();
});

const compare = () => guarded($("difference"), async () => {
  $("verdict").replaceChildren();
  if (!pair[0] || !pair[1]) return;
  const images = await Promise.all(pair.map(({ file }) => base64(file)));
  const samples = images.map((blob) => ({ _image: { blob, format: "IMAGE" } }));
  $("verdict").textContent = "Comparing…";
  let answer;
  try {
    answer = await api("graph/v2/process/sample?echo=false", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ graph: { services: ["verify-matcher"] }, samples }),
    });
  } finally {
    $("verdict").replaceChildren();
  }
  const { score, fa_r: chance } = answer.verification, same = score >= SAME;
  const bar = element("div", "", { className: same ? "bar same" : "bar", ariaHidden: "true" }), fill = element("i");
  fill.style.width = percent(score).replace(" ", "");
  bar.append(fill);
  const odds = chance > 0 ? `One in ${Math.round(1 / chance).toLocaleString("en")} pairs` : "No pair";
  const explained = `Score ${score.toFixed(2)}, the same person from ${SAME} on.`;
  $("verdict").append(
    element("strong", same ? "Yes, the same person" : "No, different people"), bar,
    element("div", same ? `${explained} ${odds} of different people came as close where this was measured.` : explained,
      { className: "soft" }));
  pair.forEach(({ place }, index) => {
    const [left, top, right, bottom] = answer.samples[index].objects[answer.pair[index]].bbox;
    const frame = element("i", "", { className: "frame" }), at = (value) => `${value * 100}%`;
    Object.assign(frame.style, { left: at(left), top: at(top), width: at(right - left), height: at(bottom - top) });
    place.querySelectorAll(".frame").forEach((old) => old.remove());
    place.append(frame);
  });
});

document.querySelectorAll("#compare .drop").forEach((place, index) =>
  takesFiles(place, place.querySelector("input"), choose(place, index)));
