#!/bin/sh
set -eu
{
  echo "report of $(date -u +%Y-%m-%d)"
  uname -sm
} >report.txt
cat report.txt
