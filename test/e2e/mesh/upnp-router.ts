import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { createServer, type IncomingMessage } from "node:http";

/**
 * The part of a home's router that speaks UPnP (InternetGatewayDevice 2), with real rules: `node upnp-router.ts PUBLIC LAN`, its
 * two addresses. As strict as miniupnpd: ports go to who asks, and only what is named whole is removed. It writes a line for
 * each mapping.
 */
const [publicAddress = "", lanAddress = ""] = process.argv.slice(2);
const device = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
const service = "urn:schemas-upnp-org:service:WANIPConnection:2";
const places = `http://${lanAddress}:5000`;
const mapped = new Map<number, string>();

const description = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion><device>
<deviceType>${device}</deviceType><friendlyName>router</friendlyName><UDN>uuid:7f1c0000-0000-4000-8000-000000000001</UDN>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:2</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:2</deviceType><serviceList><service>
<serviceType>${service}</serviceType><controlURL>/control</controlURL><SCPDURL>/ip.xml</SCPDURL><eventSubURL>/event</eventSubURL>
</service></serviceList></device></deviceList></device></deviceList></device></root>`;

function load(): void {
  const rules = [...mapped].map(([port, to]) => `iifname "wan" udp dport ${port} dnat to ${to}`).join("\n");
  const chain = `chain in {\ntype nat hook prerouting priority -110\n${rules}\n}`;
  const input = `table ip upnp\ndelete table ip upnp\ntable ip upnp {\n${chain}\n}\n`;
  execFileSync("/usr/sbin/nft", ["-f", "-"], { input });
}

/** Answers what the action answers; a number is an error of UPnP. */
function act(action: string, field: (name: string) => string, from: string): string | number {
  const external = Number(field("NewExternalPort"));
  if (action === "GetExternalIPAddress") return `<NewExternalIPAddress>${publicAddress}</NewExternalIPAddress>`;
  if (field("NewProtocol") !== "UDP") return 402;
  if (action === "AddAnyPortMapping") {
    if (field("NewInternalClient") !== from) return 606;
    mapped.set(external, `${from}:${field("NewInternalPort")}`);
    load();
    process.stdout.write(`mapped ${external} to ${from} for ${field("NewLeaseDuration")} s\n`);
    return `<NewReservedPort>${external}</NewReservedPort>`;
  }
  if (action !== "DeletePortMapping") return 401;
  if (!mapped.delete(external)) return 714;
  load();
  process.stdout.write(`gone ${external}\n`);
  return "";
}

function envelope(body: string): string {
  const spaces = 's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"';
  return `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ${spaces}><s:Body>${body}</s:Body></s:Envelope>`;
}

async function control(request: IncomingMessage): Promise<{ readonly code: number; readonly body: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const asked = Buffer.concat(chunks).toString();
  const action = String(request.headers["soapaction"]).replaceAll('"', "").split("#")[1] ?? "";
  const field = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(asked)?.[1] ?? "";
  const answer = act(action, field, String(request.socket.remoteAddress));
  if (typeof answer === "string")
    return {
      code: 200,
      body: envelope(`<u:${action}Response xmlns:u="${service}">${answer}</u:${action}Response>`),
    };
  const error = `<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${answer}</errorCode></UPnPError>`;
  const fault = `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>${error}</detail></s:Fault>`;
  return { code: 500, body: envelope(fault) };
}

const server = createServer((request, response) => {
  const reply = request.url === "/control" ? control(request) : Promise.resolve({ code: 200, body: description });
  void reply.then(({ code, body }) => response.writeHead(code, { "content-type": "text/xml" }).end(body));
});

const search = createSocket({ type: "udp4", reuseAddr: true });
search.on("message", (message, { address, port }) => {
  const text = message.toString();
  if (!text.startsWith("M-SEARCH") || !text.includes(device)) return;
  const lines = [
    ...["HTTP/1.1 200 OK", "CACHE-CONTROL: max-age=120", `ST: ${device}`, "EXT:", "SERVER: router UPnP/1.1"],
    ...[`USN: uuid:7f1c0000-0000-4000-8000-000000000001::${device}`, `LOCATION: ${places}/root.xml`, "", ""],
  ];
  search.send(lines.join("\r\n"), port, address);
});

server.listen(5000, lanAddress, () => {
  search.bind(1900, () => {
    search.addMembership("239.255.255.250", lanAddress);
    process.stdout.write("ready\n");
  });
});
