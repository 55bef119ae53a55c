/** Completion for bash and zsh: commands, flags, options behind `-o`, what is mounted. */
import { commandNames } from "./command-names.js";
import { daemonFlags, type Flag, listFlags, mountFlags, umountFlags, watchFlags } from "./flags.js";
import { ownOptions } from "./mount-options.js";

const commands = [...commandNames].join(" ");

/** `view=` for options with a value. */
const optionWords = ownOptions.map(({ name, value }) => (value === undefined ? name : `${name}=`));

function flagWords(flags: readonly Flag[]): string {
  return flags.map(({ name }) => `--${name}`).join(" ");
}

const mountWords = `-o ${flagWords(mountFlags)} ${optionWords.map((word) => `--${word}`).join(" ")}`;

export function bashCompletion(): string {
  return `# bash completion for isomount: source <(isomount completion bash)
_isomount() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  local IFS=$' \\t\\n'
  COMPREPLY=()
  if [[ $previous == -o ]]; then
    # Behind the last comma.
    local typed=\${current##*,}
    local before=\${current%"$typed"}
    COMPREPLY=($(compgen -W "${optionWords.join(" ")}" -P "$before" -- "$typed"))
    compopt -o nospace
    return
  fi
  if (( COMP_CWORD == 1 )) && [[ $current != -* ]]; then
    COMPREPLY=($(compgen -W "${commands}" -- "$current"))
  fi
  case $command in
    umount | unmount)
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "${flagWords(umountFlags)}" -- "$current"))
      else
        local mountpoint
        while IFS= read -r mountpoint; do
          [[ $mountpoint == "$current"* ]] && COMPREPLY+=("$mountpoint")
        done < <(isomount list --quiet 2>/dev/null)
      fi
      compopt -o filenames
      return
      ;;
    list | ls)
      COMPREPLY=($(compgen -W "${flagWords(listFlags)}" -- "$current"))
      return
      ;;
    daemon)
      COMPREPLY=($(compgen -W "start stop restart reload status install uninstall ${flagWords(daemonFlags)}" -- "$current"))
      return
      ;;
    doctor)
      COMPREPLY=($(compgen -W "--json" -- "$current"))
      return
      ;;
    watch)
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-o ${flagWords(watchFlags)}" -- "$current"))
      else
        local IFS=$'\\n'
        COMPREPLY=($(compgen -d -- "$current"))
      fi
      compopt -o filenames
      return
      ;;
    desktop)
      COMPREPLY=($(compgen -W "install uninstall" -- "$current"))
      return
      ;;
    completion)
      COMPREPLY=($(compgen -W "bash zsh" -- "$current"))
      return
      ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "${mountWords} --system --help --version" -- "$current"))
    [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return
  fi
  local IFS=$'\\n'
  COMPREPLY+=($(compgen -f -- "$current"))
  compopt -o filenames
}
complete -F _isomount isomount
`;
}

export function zshCompletion(): string {
  return `#compdef isomount
# zsh completion for isomount: source <(isomount completion zsh)
_isomount_targets() {
  local -a mounted
  mounted=(\${(f)"$(isomount list --quiet 2>/dev/null)"})
  compadd -a mounted
}
_isomount_mount() {
  _arguments -s \\
${zshFlags(mountFlags)}
    '*-o[mount options]:option:_values -s , option ${ownOptions.map(zshOption).join(" ")}' \\
    '1:image:_files' '2:mountpoint:_files -/'
}
_isomount() {
  if (( CURRENT == 2 )); then
    _alternative 'commands:command:(${commands})' 'images:image:_files'
    [[ $PREFIX == -* ]] && _isomount_mount
    return
  fi
  local command=$words[2]
  case $command in
    umount | unmount)
      shift words; (( CURRENT-- ))
      _arguments -s \\
${zshFlags(umountFlags)}
        '*:target:_isomount_targets'
      ;;
    list | ls)
      shift words; (( CURRENT-- ))
      _arguments -s \\
${zshFlags(listFlags)}
        ':'
      ;;
    daemon) compadd start stop restart reload status install uninstall --user --json ;;
    doctor) compadd -- --json ;;
    watch) _arguments '--keep' '*:folder:_files -/' ;;
    completion) compadd bash zsh ;;
    mount | info | verify) shift words; (( CURRENT-- )); _isomount_mount ;;
    *) _isomount_mount ;;
  esac
}
if [[ $funcstack[1] == _isomount ]]; then _isomount "$@"; else compdef _isomount isomount; fi
`;
}

function zshFlags(flags: readonly Flag[]): string {
  return flags
    .map(({ name, alias, help }) => {
      const text = help.replace(/[[\]':]/g, "");
      const long = `    '--${name}[${text}]' \\`;
      return alias === undefined ? long : `    '-${alias}[${text}]' \\\n${long}`;
    })
    .join("\n");
}

/** Without the brackets, quotes and colons that _values gives a meaning. */
function zshOption({ name, value, help }: (typeof ownOptions)[number]): string {
  const text = help.replace(/[[\]':"`$\\(),;]/g, "").replaceAll(" ", "\\ ");
  return value === undefined ? `${name}[${text}]` : `${name}[${text}]:${value.toLowerCase()}`;
}
