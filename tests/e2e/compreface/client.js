// Every call of CompreFace's JavaScript client, against a server; prints its answers by the name of the call, as JSON.
//
//     node client.js http://127.0.0.1 8000 KEYS
//
// KEYS is JSON with the keys of a recognition, a detection and a verification service. The folder it runs in has
// face.jpg with one face, crowd.jpg with several and nobody.png with none: the client takes relative paths alone.

import fs from 'node:fs';
import { CompreFace } from '@exadel/compreface-js-sdk';

const [address, port, json] = process.argv.slice(2);
const keys = JSON.parse(json);
console.log = () => {}; // the client prints keys there
const [face, crowd, nobody] = ['./face.jpg', './crowd.jpg', './nobody.png'];
const text = fs.readFileSync(face).toString('base64');
const link = `${address}:${port}/static/astronaut.jpg`;
const options = { limit: 0, det_prob_threshold: 0.6, prediction_count: 2, status: true, face_plugins: 'calculator,age,gender,landmarks,mask,pose' };

const client = new CompreFace(address, port);
const recognition = client.initFaceRecognitionService(keys.recognition);
const detection = client.initFaceDetectionService(keys.detection);
const verification = client.initFaceVerificationService(keys.verification);
// These change the address that they keep, so that each can be called once.
const examples = () => recognition.getFaceCollection();
const subjects = () => recognition.getSubjects();

const said = {};
const told = async (name, promise) => {
  try {
    said[name] = await promise;
  } catch (error) {
    if (!error.response) throw error;
    said[name] = { status: error.response.status, data: error.response.data };
  }
  return said[name];
};

await told('empty', Promise.all([subjects().list(), examples().list(), recognition.recognize(face, {})]));

await told('add subject', subjects().add('Jon Petit'));
await told('add subject again', subjects().add('jon petit'));
await told('list subjects', subjects().list());

const first = await told('add path', examples().add(face, 'Jon Petit'));
const second = await told('add base64', examples().add(text, 'Jon Petit'));
const third = await told('add link', examples().add(link, encodeURIComponent('A+B & C/D')));
await told('add with options', examples().add(face, 'Jon Petit', { det_prob_threshold: 0.7 }));
await told('add nobody', examples().add(nobody, 'Jon Petit'));
await told('add crowd', examples().add(crowd, 'Jon Petit'));
await told('list examples', examples().list());

await told('recognize path', recognition.recognize(face, options));
await told('recognize base64', recognition.recognize(text, { prediction_count: 3 }));
await told('recognize link', recognition.recognize(link, { limit: 1 }));
await told('recognize blob', recognition.recognize(fs.readFileSync(face), {}));
await told('recognize nobody', recognition.recognize(nobody, {}));

await told('verify example', examples().verify(face, first.image_id, options));
await told('verify example base64', examples().verify(text, first.image_id));

await told('rename', subjects().rename(encodeURIComponent('A+B & C/D'), 'Zoë'));
await told('rename nobody', subjects().rename('Nobody', 'Somebody'));
await told('merge', subjects().rename(encodeURIComponent('Zoë'), 'JON PETIT'));
await told('list merged', Promise.all([subjects().list(), examples().list()]));

await told('delete example', examples().delete(first.image_id));
await told('delete example again', examples().delete(first.image_id));
await told('delete several', examples().delete_multiple_images([second.image_id, first.image_id, third.image_id]));
await told('delete examples of a subject', examples().delete_all_subject(encodeURIComponent('Jon Petit?det_prob_threshold=0.7')));
await told('list after', Promise.all([subjects().list(), examples().list()]));

await told('add another', examples().add(face, 'One'));
await told('delete all examples', examples().delete_all());
await told('add more', Promise.all([subjects().add('One'), subjects().add('Two')]));
await told('delete subject', subjects().delete('One'));
await told('delete all subjects', subjects().deleteAll());
await told('list at last', subjects().list());

await told('detect path', detection.detect(crowd, options));
await told('detect base64', detection.detect(text));
await told('detect link', detection.detect(link));
await told('detect without a limit', detection.detect(face, { det_prob_threshold: 0.8, face_plugins: 'age,gender' }));

await told('verify paths', verification.verify(face, crowd, options));
await told('verify base64', verification.verify(text, text));
await told('verify links', verification.verify(link, link));
await told('verify a link and a path', verification.verify(link, face));
await told('verify a path and a link', verification.verify(face, link));
await told('verify blobs', verification.verify(fs.readFileSync(face), fs.readFileSync(face)));
await told('verify many', verification.verify(crowd, face));

await told('wrong key', client.initFaceDetectionService(keys.recognition).detect(face));
await told('no key', client.initFaceDetectionService('secret').detect(face));
process.stdout.write(JSON.stringify(said));
