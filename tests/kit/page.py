"""page.py PICTURE.png: serves one page to a browser, prints its address, waits for its report, prints that as JSON.

The page lists the media devices, opens the camera (environment CAMERA: by a part of its label, else the browser's
default), counts the frames of three seconds, and sends one frame back, saved as PICTURE.png. With WITH_AUDIO=true it
opens the microphone too and tells its loudest frequency. With MICROPHONE=NAME it instead records ten seconds of the
microphone whose label has that name into SOUND (32-bit floats, 48 kHz, mono) as a call app that leaves sound alone would;
SOUND.started appears when it has begun. Standard library only.
"""

import base64
import http.server
import json
import os
import sys
import threading

PAGE = """<!doctype html><meta charset=utf-8><title>camera</title><video id=v autoplay muted playsinline></video><script>
const report = {userAgent: navigator.userAgent}, wanted = WANTED, withAudio = WITH_AUDIO;
const media = navigator.mediaDevices;
const list = async () => (await media.enumerateDevices()).map(d => d.kind + '|' + d.label);
async function listen(name) {
  let stream = await media.getUserMedia({audio: true});
  report.devices = await list();
  const found = (await media.enumerateDevices()).find(d => d.kind == 'audioinput' && d.label.includes(name));
  if (!found) throw new Error('no microphone called ' + name);
  stream.getTracks().forEach(t => t.stop());
  const plain = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  stream = await media.getUserMedia({audio: {deviceId: {exact: found.deviceId}, ...plain}});
  report.tracks = stream.getTracks().map(t => [t.kind, t.label, t.getSettings()]);
  const context = new AudioContext({sampleRate: 48000});
  await context.resume();
  const code = `registerProcessor('tape', class extends AudioWorkletProcessor {
    process(inputs) { if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice()); return true; }
  })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  const tape = new AudioWorkletNode(context, 'tape'), parts = [];
  tape.port.onmessage = m => parts.push(m.data);
  context.createMediaStreamSource(stream).connect(tape).connect(context.destination);
  await fetch('/started', {method: 'POST', body: ''});
  await new Promise(done => setTimeout(done, 10000));
  await fetch('/sound', {method: 'POST', body: new Blob(parts)});
}
async function look() {
  try {
    if (RECORDED) {
      await listen(RECORDED);
      await fetch('/report', {method: 'POST', body: JSON.stringify(report)});
      return;
    }
    // Labels are told only once the user said yes to some camera.
    let stream;
    for (let tries = 1; !stream; tries++) {
      try {
        stream = await media.getUserMedia({video: true, audio: withAudio});
      } catch (e) {
        // The portal's answer may come after the browser's first look for cameras.
        report.tries = tries;
        if (tries == 10) throw e;
        await new Promise(done => setTimeout(done, 500));
      }
    }
    report.devices = await list();
    if (wanted) {
      const found = (await media.enumerateDevices()).find(d => d.kind == 'videoinput' && d.label.includes(wanted));
      if (!found) throw new Error('no camera called ' + wanted);
      const sound = stream.getAudioTracks();
      if (stream.getVideoTracks()[0].getSettings().deviceId != found.deviceId) {
        stream.getVideoTracks().forEach(t => t.stop());
        const other = await media.getUserMedia({video: {deviceId: {exact: found.deviceId}}});
        stream = new MediaStream([...other.getVideoTracks(), ...sound]);
      }
    }
    report.tracks = stream.getTracks().map(t => [t.kind, t.label, t.getSettings()]);
    const video = document.getElementById('v');
    const opened = performance.now();
    video.srcObject = stream;
    await video.play();
    await new Promise(done => video.requestVideoFrameCallback(done));
    report.firstFrameMs = performance.now() - opened;
    const start = performance.now();
    let frames = 0;
    await new Promise(done => {
      const count = () => { frames++; performance.now() - start > 3000 ? done() : video.requestVideoFrameCallback(count); };
      video.requestVideoFrameCallback(count);
      setTimeout(done, 6000);
    });
    report.framesIn3s = frames;
    report.size = [video.videoWidth, video.videoHeight];
    const sound = stream.getAudioTracks()[0];
    if (sound) {
      const context = new AudioContext();
      await context.resume();
      const analyser = context.createAnalyser();
      analyser.fftSize = 8192;
      context.createMediaStreamSource(new MediaStream([sound])).connect(analyser);
      await new Promise(done => setTimeout(done, 1500));
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      let loudest = 1;
      for (let i = 2; i < bins.length; i++) if (bins[i] > bins[loudest]) loudest = i;
      report.loudestHz = loudest * context.sampleRate / 8192;
      report.loudestDb = bins[loudest];
    }
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const drawing = canvas.getContext('2d');
    drawing.drawImage(video, 0, 0);
    report.picture = canvas.toDataURL('image/png');
    // The middles of two rows of four fields: the colours of examples/camera_pattern.rs, when that is the camera.
    report.colours = [];
    for (const y of [0.25, 0.65]) for (let x = 0.125; x < 1; x += 0.25)
      report.colours.push([...drawing.getImageData(canvas.width * x, canvas.height * y, 1, 1).data].slice(0, 3));
  } catch (e) {
    report.error = '' + e;
    try { report.devices = await list(); } catch (e2) {}
  }
  await fetch('/report', {method: 'POST', body: JSON.stringify(report)});
}
look();
</script>"""
PAGE = PAGE.replace("WITH_AUDIO", "true" if os.environ.get("WITH_AUDIO") == "true" else "false")
PAGE = PAGE.replace("RECORDED", json.dumps(os.environ.get("MICROPHONE", "")))
PAGE = PAGE.replace("WANTED", json.dumps(os.environ.get("CAMERA", "")))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        if self.path in ("/started", "/sound"):
            with open(os.environ["SOUND"] + (".started" if self.path == "/started" else ""), "wb") as file:
                file.write(body)
            return
        report = json.loads(body)
        picture = report.pop("picture", None)
        if picture:
            with open(sys.argv[1], "wb") as file:
                file.write(base64.b64decode(picture.split(",")[1]))
        print(json.dumps(report), flush=True)
        threading.Thread(target=self.server.shutdown).start()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
