// What a user of Artillery writes for rooms: its steps cannot listen while they talk, so one function does both.
const fs = require("node:fs");

const job = JSON.parse(fs.readFileSync(process.env.JOB));
const padding = "x".repeat(job.size - 14);
let taken = 0;

// Where the next member goes. Members are numbered as they come: there is one process.
function enter(socket, context, done) {
  context.vars.member = taken++;
  socket.target = job.url + job.paths[context.vars.member];
  done();
}

async function live(context, events) {
  const { ws, vars } = context;
  const wait = (time) => new Promise((resolve) => setTimeout(resolve, Math.max(0, time)));
  ws.onmessage = ({ data }) => {
    const at = data.indexOf('"content":"');
    const now = Date.now();
    if (at >= 0 && now >= job.from && now < job.until) {
      events.emit("histogram", "delivery", now - Number(data.substring(at + 11, at + 24)));
    }
  };
  if (vars.member >= job.talkers) {
    await wait(job.until + 500 - Date.now());
    return;
  }
  await wait(job.from + (vars.member * job.period) / job.talkers - Date.now());
  const talking = setInterval(
    () => ws.send(JSON.stringify({ type: "message", content: `${Date.now()} ${padding}` })),
    job.period,
  );
  await wait(job.until - Date.now());
  clearInterval(talking);
  await wait(500);
}

module.exports = { enter, live };
