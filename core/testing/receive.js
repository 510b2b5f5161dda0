// A real client of the Pusher protocol for tests: subscribes, and prints what it hears, one JSON object a line.
// node receive.js PUSHER_JS '{"key", "port", "channels": [], "auth"}'
const [, , library, given] = process.argv;
const Pusher = require(library);
const { key, port, channels, auth } = JSON.parse(given);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const client = new Pusher(key, {
  cluster: "",
  wsHost: "127.0.0.1",
  wsPort: port,
  forceTLS: false,
  enabledTransports: ["ws"],
  enableStats: false,
  channelAuthorization: { endpoint: auth, transport: "ajax" },
});
client.connection.bind("error", (error) => say({ error: error.error ? error.error.data || String(error.error) : String(error) }));
for (const name of channels) {
  const channel = client.subscribe(name);
  channel.bind("pusher:subscription_succeeded", () => say({ subscribed: name }));
  channel.bind("pusher:subscription_error", (error) => say({ refused: name, status: error.status }));
  channel.bind_global((event, data) => event.startsWith("pusher:") || say({ channel: name, event, data }));
}
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
