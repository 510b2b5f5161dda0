// A client as the contract's last section describes the deployed one: another origin, Bearer token, judged by `success`,
// no check of what it reads. What is null where it reads makes the page white.
const given = new URLSearchParams(location.search);
const api = given.get("api");
const main = document.querySelector("main");

function show(view, html) {
  main.dataset.view = view;
  main.innerHTML = html;
}

async function ask(path, options = {}) {
  const headers = { "Content-Type": "application/json" };
  const token = localStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(api + path, { ...options, headers });
  if (answer.status === 401 && path !== "/login") {
    if (main.dataset.view !== "login") login();
    return null;
  }
  const body = await answer.json();
  return body.success ? body.data : null;
}

function login(message = "") {
  show("login", `<p role="alert">${message}</p><form><input name="email"><input name="password" type="password"><button>Masuk</button></form>`);
  main.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const body = JSON.stringify({ email: form.get("email"), password: form.get("password") });
    try {
      const data = await ask("/login", { method: "POST", body });
      if (!data) return login("Gagal masuk");
      localStorage.setItem("token", data.token);
      main.dataset.role = data.user.role;
      await dashboard();
    } catch (error) {
      login(String(error));
    }
  });
}

const day = (text) => new Date(text).toISOString();
const point = ({ name, title, coordinates }) => `${name || title}@${coordinates.latitude.toFixed(3)},${coordinates.longitude.toFixed(3)}`;
const item = (text) => `<li>${text}</li>`;

async function dashboard() {
  const [count, cases, latest, map, alerts, bell, free] = await Promise.all([
    ask("/officer/count"),
    ask("/officer/case-status"),
    ask("/officer/latest-report?page=1&limit=10"),
    ask("/officer/incident-map"),
    ask("/officer/recent-alerts"),
    ask("/officer/notification"),
    ask("/officer/available"),
  ]);
  if (!count && main.dataset.view === "login") return;
  show("dashboard", `
    <section id="count">${count.total_report} ${count.active_police} ${count.response_time} ${count.resolve_Case}</section>
    <section id="cases">${Object.entries(cases.case_status).map(([name, number]) => item(`${name}=${number.toFixed(0)}`)).join("")}</section>
    <section id="latest" data-pages="${latest.pagination.total_pages}">${latest.data.map((row) => `<li data-id="${row.id}">${row.title.trim()} ${day(row.created_at)} ${row.report_image ? `<img src="${row.report_image}">` : ""}</li>`).join("")}</section>
    <section id="map">${map.crime_locations.map(point).map(item).join("")}</section>
    <section id="officers">${map.active_officers.map(point).map(item).join("")}</section>
    <section id="alerts">${alerts.alerts.map((one) => item([one.type, one.priority_label, one.time_ago.trim(), one.location_code.trim(), day(one.created_at)].join(" "))).join("")}</section>
    <section id="bell">${bell.data.map((row) => item(`${row.status} ${day(row.created_at)} ${row.title}`)).join("")}</section>
    <section id="free">${free.map((row) => item(`${row.name.trim()}@${row.location.latitude.toFixed(3)}`)).join("")}</section>
    <section id="heard"></section>
    <section id="once"></section>`);
  const pusher = new Pusher(given.get("key"), { cluster: "", wsHost: "127.0.0.1", wsPort: Number(given.get("pusher")), forceTLS: false, enabledTransports: ["ws"], enableStats: false });
  const channel = pusher.subscribe("officers-dashboard");
  channel.bind("pusher:subscription_succeeded", () => { main.dataset.live = "yes"; });
  const had = new Set();
  channel.bind("incident-update", (told) => {
    if (!had.has(told.noticeId)) document.querySelector("#once").insertAdjacentHTML("beforeend", item(`${told.reportId}`));
    had.add(told.noticeId);
    document.querySelector("#heard").insertAdjacentHTML("beforeend", item(`${told.reportId} ${told.incidentType} ${told.priority.trim()} ${told.location.trim()}`));
  });
}

async function report(id) {
  const found = await ask(`/officer/report/${id}`);
  if (!found) return;
  show("report", `
    <h1>${found.title} ${found.status.trim()} ${day(found.created_at)}</h1>
    <p id="camera">${found.cctv.name ?? "-"}</p><p id="owner">${found.owner.name}</p>
    <section id="evidence">${found.evidences.map((one) => `<img src="${one.file_url}" title="${day(one.created_at)}">`).join("")}</section>
    <section id="log">${found.activity_logs.map((one) => item(`${one.action} ${day(one.created_at)}`)).join("")}</section>`);
}

async function rows(status) {
  const found = await ask(`/officer/latest-report?page=1&limit=10&status=${status}`);
  show(`rows ${status}`, `<section id="rows" data-total="${found.pagination.total}">${found.data.map((row) => item(`${row.id} ${row.status}`)).join("")}</section>`);
}

if (localStorage.getItem("token")) dashboard();
else login();
