// Drawing a signature with a finger, a pen or a mouse. The page works without it: the typed name is what signs.
// What is drawn is sent as strokes of points on a field of 600 by 200, "12,40 13,42;100,50 101,52".
(() => {
  "use strict";
  const WIDTH = 600, HEIGHT = 200, MOST = 5900, NEAR = 3;
  const area = document.getElementById("draw");
  const canvas = area.querySelector("canvas");
  const field = document.getElementById("drawing");
  const pen = canvas.getContext("2d");
  let strokes = [], stroke = null;

  const text = () => strokes.filter((one) => one.length > 1).map((one) => one.join(" ")).join(";");

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), 1) * most);
    return [within((event.clientX - box.left) / box.width, WIDTH), within((event.clientY - box.top) / box.height, HEIGHT)];
  };

  const paint = () => {
    pen.clearRect(0, 0, WIDTH, HEIGHT);
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.lineWidth = 4;
    pen.lineCap = pen.lineJoin = "round";
    for (const one of strokes) {
      pen.beginPath();
      for (const point of one) pen.lineTo(...point);
      pen.stroke();
    }
  };

  const add = (event) => {
    const [x, y] = place(event), last = stroke[stroke.length - 1];
    if (last && Math.hypot(x - last[0], y - last[1]) < NEAR) return;
    stroke.push([x, y]);
    if (text().length > MOST) stroke.pop(); // it is full: what is there stays
    paint();
  };

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    stroke = [];
    strokes.push(stroke);
    add(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (stroke) add(event); });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { stroke = null; field.value = text(); });
  }
  area.querySelector("button").addEventListener("click", () => {
    strokes = [];
    field.value = "";
    paint();
  });
  // What was drawn before a slip in the name or the code is there again.
  if (field.value) {
    strokes = field.value.split(";").map((one) => one.split(" ").map((point) => point.split(",").map(Number)));
    paint();
  }
  // Only who has a pointer is asked to draw.
  if (matchMedia("(any-pointer: fine), (any-pointer: coarse)").matches) area.hidden = false;
})();
