
# Unpacks what stands behind this text, once for each user and version, and runs it with a Deno of its own.
# Before this line are: program, permissions, machine, archive (its SHA-256), files and head_bytes (where it
# begins).
# shellcheck disable=SC2154

# say SPANISH ENGLISH: an error in the language of the person, as the program itself would choose it.
say() {
  for locale in "$LC_ALL" "$LC_MESSAGES" "$LANG"; do
    case $locale in
      [eE][sS] | [eE][sS][!A-Za-z]*) break ;;
      [eE][nN] | [eE][nN][!A-Za-z]*) printf '%s\n' "$2" >&2 && return ;;
    esac
  done
  printf '%s\n' "$1" >&2
}

# Where another user may write, that user's program could lie in wait under our name.
# shellcheck disable=SC3067 # every sh knows -O, though POSIX does not
is_ours() {
  [ -O "$1" ] && [ -s "$1" ] && [ -w "$1" ]
}

is_our_folder() {
  [ ! -L "$1" ] && is_ours "$1"
}

# is_unpacked FOLDER. Each file is looked for: cleaners of temporary folders take old ones singly.
is_unpacked() {
  folder=$1/$archive
  is_our_folder "$1" && is_ours "$folder/deno" && [ -x "$folder/deno" ] || return
  for file in $files; do is_ours "$folder/$file" || return; done
}

unpack() (
  new=$folder/new.$$
  trap 'rm -rf "$new"' EXIT
  # Some shells do not end when Ctrl-C ended what they waited for.
  trap 'kill -TERM $$; exit 1' HUP INT TERM
  # What a machine left behind that lost its power in the middle of this, a day ago or more.
  find "$folder" -name 'new.*' -prune -mtime +0 -exec rm -rf {} + 2>/dev/null
  rm -rf "$new" && mkdir "$new" || exit
  tail -c "+$((head_bytes + 1))" "$0" | gzip -dc | (cd "$new" && tar -xf -) || exit
  "$new/deno" --version >/dev/null || exit
  # One after the other and in one step each: a process that unpacks at the same time puts the same there.
  for file in $files deno; do mv -f "$new/$file" "$folder" || exit; done
)

# prepare FOLDER: makes it, and all in it, for us alone.
prepare() {
  folder=$1/$archive
  why=$(
    umask 077
    exec 2>&1
    mkdir -p "$1" || exit
    is_our_folder "$1" || {
      ls -ld "$1" # whose it is
      exit 1
    }
    mkdir -p "$folder" && unpack
  ) && is_unpacked "$1"
}

case $XDG_CACHE_HOME in /*) cache=$XDG_CACHE_HOME ;; *) cache=${HOME:+$HOME/.cache} ;; esac
case $cache in /*) [ -d "$cache" ] || (umask 077 && mkdir -p "$cache") 2>/dev/null ;; *) cache= ;; esac
# A home may be another user's, as sudo may give it.
is_ours "$cache" && cache=$cache/chat || cache=
# A home that was too full once would be filled again at each start.
is_unpacked "$cache" || {
  refuge=${TMPDIR:-/tmp}/chat-$(id -u)
  is_unpacked "$refuge" || prepare "$cache" || prepare "$refuge"
} || {
  say "No se puede desempaquetar $program: hacen falta $machine, 150 MB libres y permiso para ejecutar en ~/.cache o en TMPDIR. $why" \
    "Cannot unpack $program: it needs $machine, 150 MB free, and leave to run programs in ~/.cache or in TMPDIR. $why"
  exit 1
}

# is_in_background: whether another process group has the terminal (proc_pid_stat(5); ps where there is no /proc).
is_in_background() (
  if read -r stat </proc/$$/stat; then
    # shellcheck disable=SC2086 # fields are several words
    set -- ${stat##*) }
    group=$3 foreground=$6
  else
    group=$(ps -o pgid= -p $$) foreground=$(ps -o tpgid= -p $$)
  fi 2>/dev/null
  [ "${foreground:-0}" -gt 0 ] && [ "$group" -ne "$foreground" ]
)

# A server that reads or sets a terminal in the background is stopped: it goes without its console. Some shells put a
# program into the foreground a moment after its start.
[ "$program" = chat-server ] && [ -t 0 ] && is_in_background && sleep 1 && is_in_background && exec </dev/null

# What lies in the person's folders is no business of this Deno, and nor is the network of its makers.
export DENO_DIR="$folder/deno-cache" DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1
# shellcheck disable=SC2086 # permissions are several words
exec "$folder/deno" run --quiet --no-config --no-lock --no-remote --no-npm $permissions "$folder/$program.js" "$@"
