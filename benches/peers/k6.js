// What a user of k6 writes for rooms: those who talk say the time, everybody listens and takes the time of what comes.
import { WebSocket } from "k6/experimental/websockets";
import { Trend } from "k6/metrics";
import { SharedArray } from "k6/data";

const job = new SharedArray("job", () => [JSON.parse(open(__ENV.JOB))])[0];
const paths = new SharedArray("paths", () => JSON.parse(open(__ENV.JOB)).paths);
const delivery = new Trend("delivery", true);
const padding = "x".repeat(job.size - 14);

export const options = {
  scenarios: {
    members: {
      executor: "per-vu-iterations",
      vus: job.clients,
      iterations: 1,
      maxDuration: "10m",
      gracefulStop: "5s",
    },
  },
  summaryTrendStats: ["med", "p(99)", "count"],
};

export default function () {
  const member = __VU - 1;
  const socket = new WebSocket(job.url + paths[member]);
  const left = (at) => Math.max(0, at - Date.now());
  let talking = null;
  socket.onmessage = (event) => {
    const at = event.data.indexOf('"content":"');
    const now = Date.now();
    if (at >= 0 && now >= job.from && now < job.until) {
      delivery.add(now - Number(event.data.substring(at + 11, at + 24)));
    }
  };
  socket.onopen = () => {
    if (member < job.talkers) {
      const say = () => socket.send(JSON.stringify({ type: "message", content: `${Date.now()} ${padding}` }));
      // Talkers are spread over one period, as an open schedule has them.
      setTimeout(() => (talking = setInterval(say, job.period)), left(job.from) + (member * job.period) / job.talkers);
    }
    setTimeout(() => {
      if (talking !== null) clearInterval(talking);
      socket.close();
    }, left(job.until) + 500);
  };
}

export function handleSummary(data) {
  const trend = data.metrics.delivery;
  const found = trend ? { p50: trend.values.med, p99: trend.values["p(99)"] } : {};
  return { [__ENV.RESULT]: JSON.stringify(found) };
}
